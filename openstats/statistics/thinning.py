"""Thinning: which readings may go as they grow old.

Nothing is added up anew: readings are running totals, and those that stay are as exact as before.
"""

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from openstats.unix_time import DAY


@dataclass(frozen=True, slots=True)
class Retention:
    """The time for which readings are kept: all for some days, then one an hour, then one a day.

    Hours and days are those of ``zone``; of each the first reading stays.
    """

    all_days: int
    hourly_days: int
    zone: tzinfo


def superfluous(
    times: Sequence[int], gap_ends: Collection[int], now: int, retention: Retention
) -> list[int]:
    """Return those of the times, which are in order, whose readings may go.

    ``gap_ends`` stay whatever their age. So do the first and the last reading.
    """
    old: list[int] = []
    previous: Hashable = None
    for at in times[:-1]:
        period = _period(at, now, retention)
        if period == previous and at not in gap_ends:
            old.append(at)
        previous = period
    return old


def _period(at: int, now: int, retention: Retention) -> Hashable:
    """Return the hour or the day of which one reading stays; of the newest readings, ``at``."""
    if now - at < retention.all_days * DAY:
        return at
    local = datetime.fromtimestamp(at, retention.zone)
    if now - at < retention.hourly_days * DAY:
        return local.date(), local.hour, local.utcoffset()
    return local.date()
