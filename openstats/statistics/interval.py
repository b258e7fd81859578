"""Intervals cut into datapoints: equal ones, or those of a calendar."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from openstats.model import Interval
from openstats.unix_time import HOUR


def edges(interval: Interval) -> list[int]:
    """Give the ``datapoints + 1`` edges, the first and last being those of the interval.

    Edge *i* is ``start + i * (end - start) // datapoints``: nothing is dropped at the end.
    """
    length, pieces = interval.end - interval.start, interval.datapoints
    return [interval.start + i * length // pieces for i in range(pieces + 1)]


def calendar(start: int, end: int, every: str, zone: str, most: int) -> list[int]:
    """Give start, end, and where each ``hour``, ``day`` or ``month`` of a zone begins in between.

    Not more than ``most`` and one: what is longer ends early.
    """
    found, moment = [start], start
    while moment < end and len(found) <= most:
        moment = min(_next(moment, every, ZoneInfo(zone)), end)
        found.append(moment)
    return found


def _next(moment: int, every: str, zone: ZoneInfo) -> int:
    """Give the beginning of the next hour, day or month; an hour is never more than one long."""
    local = datetime.fromtimestamp(moment, zone)
    if every == "hour":
        return moment + HOUR - local.minute * 60 - local.second
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if every == "month":
        first = midnight.replace(day=1)
        return int((first + timedelta(days=32)).replace(day=1).timestamp())
    return int((midnight + timedelta(days=1)).timestamp())
