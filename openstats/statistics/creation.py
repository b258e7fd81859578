"""Creation time: how many objects came into being in each piece of an interval."""

from collections.abc import Mapping
from itertools import pairwise

from openstats.model import Interval
from openstats.statistics.interval import edges


def datapoints(interval: Interval, counts: Mapping[int, int]) -> list[dict[str, int]]:
    """Give one ``{from, to, value}`` a piece; ``counts`` has the pieces that are not empty."""
    return [
        {"from": start, "to": end, "value": counts.get(i, 0)}
        for i, (start, end) in enumerate(pairwise(edges(interval)))
    ]
