"""Creation time: numbers of objects created in each interval."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise


def datapoints(edges: Sequence[int], counts: Mapping[int, int]) -> list[dict[str, int]]:
    """Return one ``{from, to, value}`` for each interval; ``counts`` is by index of interval."""
    return [
        {"from": start, "to": end, "value": counts.get(i, 0)}
        for i, (start, end) in enumerate(pairwise(edges))
    ]


def by_piece(edges: Sequence[int], dates: Iterable[tuple[int, int]]) -> Mapping[int, int]:
    """Return counts by index of interval, from pairs (date, count) within the edges."""
    counts: Counter[int] = Counter()
    for date, count in dates:
        counts[bisect_right(edges, date) - 1] += count
    return counts
