"""Intervals cut into datapoints."""

from openstats.model import Interval


def edges(interval: Interval) -> list[int]:
    """Give the ``datapoints + 1`` edges, the first and last being those of the interval.

    Edge *i* is ``start + i * (end - start) // datapoints``: nothing is dropped at the end.
    """
    length, pieces = interval.end - interval.start, interval.datapoints
    return [interval.start + i * length // pieces for i in range(pieces + 1)]
