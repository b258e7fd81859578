"""Division of a period into equal intervals, or those of a calendar."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from openstats.model import Interval
from openstats.unix_time import HOUR


def edges(interval: Interval) -> list[int]:
    """Return the ``datapoints + 1`` edges of equal intervals, from start to end.

    Edge *i* is ``start + i * (end - start) // datapoints``: rounding drops nothing at the end.
    """
    length, pieces = interval.end - interval.start, interval.datapoints
    return [interval.start + i * length // pieces for i in range(pieces + 1)]


def calendar(start: int, end: int, every: str, zone: str, longest: int) -> list[int]:
    """Return start, the beginnings of each ``hour``, ``day`` or ``month`` in a zone, and end.

    The list is cut off at ``longest + 1`` edges, which shows that there are too many.
    """
    edges, moment = [start], start
    while moment < end and len(edges) <= longest:
        moment = min(_next(moment, every, ZoneInfo(zone)), end)
        edges.append(moment)
    return edges


def _next(moment: int, every: str, zone: ZoneInfo) -> int:
    """Return the beginning of the next hour, day or month; an hour is at most one hour long."""
    local = datetime.fromtimestamp(moment, zone)
    if every == "hour":
        return moment + HOUR - local.minute * 60 - local.second
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if every == "month":
        first = midnight.replace(day=1)
        return int((first + timedelta(days=32)).replace(day=1).timestamp())
    return int((midnight + timedelta(days=1)).timestamp())
