"""Thinning: which readings may go as they grow old.

Nothing is added up anew: readings are running totals, and those that stay are as exact as before.
"""

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from openstats.unix_time import DAY


@dataclass(frozen=True, slots=True)
class History:
    """How long readings are kept: all of them for some days, then one an hour, then one a day.

    Hours and days are those of ``zone``; of each the first reading stays.
    """

    all_days: int
    hourly_days: int
    zone: tzinfo


def superfluous(
    times: Sequence[int], kept: Collection[int], now: int, history: History
) -> list[int]:
    """Give those of the times, which are in order, whose readings may go.

    ``kept`` stay whatever their age: the ends of gaps. So do the first and the last.
    """
    gone, before = [], None
    for at in times[:-1]:
        period = _period(at, now, history)
        if period == before and at not in kept:
            gone.append(at)
        before = period
    return gone


def _period(at: int, now: int, history: History) -> Hashable:
    """Name the hour or the day of which one reading stays; for the newest, just themselves."""
    if now - at < history.all_days * DAY:
        return at
    local = datetime.fromtimestamp(at, history.zone)
    if now - at < history.hourly_days * DAY:
        return local.date(), local.hour, local.utcoffset()
    return local.date()
