"""Thinning: which old readings may be deleted.

Nothing needs to be aggregated: readings are running totals, and the remaining ones stay exact.
"""

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from openstats.unix_time import DAY


@dataclass(frozen=True, slots=True)
class Retention:
    """How long readings are kept: all for ``all_days``, one per hour for ``hourly_days``.

    After that, one per day is kept. Hours and days are those of ``zone``; the first reading of each
    is kept.
    """

    all_days: int
    hourly_days: int
    zone: tzinfo


def superfluous(
    times: Sequence[int], gap_ends: Collection[int], now: int, retention: Retention
) -> list[int]:
    """Return the times of readings that may be deleted; ``times`` are in order.

    ``gap_ends`` and the first and last reading are kept, whatever their age.
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
    """Return the hour or day of a reading, of which one is kept; ``at`` for recent readings."""
    if now - at < retention.all_days * DAY:
        return at
    local = datetime.fromtimestamp(at, retention.zone)
    if now - at < retention.hourly_days * DAY:
        return local.date(), local.hour, local.utcoffset()
    return local.date()
