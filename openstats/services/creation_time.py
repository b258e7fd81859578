"""The report of creation times: numbers of objects created, by interval."""

from collections.abc import Mapping, Sequence

from openstats.model import Coverage, Interval, Scope
from openstats.statistics.creation_time import by_piece
from openstats.storage import coverage
from openstats.storage.counts import creation_time
from openstats.storage.store import Database, Store

DATED_BY = ("discovery", "instances", "volumes")
"""Kinds of polls that determine when objects were created."""


def report(
    store: Store, scope: Scope, kind: str, edges: Sequence[int], *, equal: bool
) -> tuple[Mapping[int, int], Coverage]:
    """Return how many objects of a kind were created, by index of interval, and the coverage.

    ``equal`` says that all intervals have the same length.
    """
    with store.read() as db:
        counts = _counts(db, scope, kind, edges, equal=equal)
        return counts, coverage.of_polls(db, scope, *DATED_BY)


def _counts(
    db: Database, scope: Scope, kind: str, edges: Sequence[int], *, equal: bool
) -> Mapping[int, int]:
    """Return counts by interval: SQL counts equal intervals, Python those of a calendar."""
    if equal:
        interval = Interval(edges[0], edges[-1], len(edges) - 1)
        return creation_time.counts(db, scope, kind, interval)
    return by_piece(edges, creation_time.dates(db, scope, kind, edges[0], edges[-1]))
