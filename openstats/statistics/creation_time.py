"""Creation time: how many objects came into being in each piece of an interval."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise


def datapoints(edges: Sequence[int], counts: Mapping[int, int]) -> list[dict[str, int]]:
    """Return one ``{from, to, value}`` a piece; ``counts`` has the pieces that are not empty."""
    return [
        {"from": start, "to": end, "value": counts.get(i, 0)}
        for i, (start, end) in enumerate(pairwise(edges))
    ]


def by_piece(edges: Sequence[int], dates: Iterable[tuple[int, int]]) -> Mapping[int, int]:
    """Return counts by piece from pairs (date, count); all dates are within the edges."""
    counts: Counter[int] = Counter()
    for date, count in dates:
        counts[bisect_right(edges, date) - 1] += count
    return counts
