"""The alert report: numbers of active alerts by severity, in total or by object."""

from collections.abc import Sequence
from typing import NamedTuple

from openstats.alerts import StatusFilter
from openstats.model import Coverage, ObjectName, Scope, Selection
from openstats.services import pages
from openstats.services.pages import Page
from openstats.storage import coverage
from openstats.storage.alerts.counts import count, count_by_object, selected_objects
from openstats.storage.store import Store

Counts = dict[str, int]
"""Numbers of alerts by severity; severities without alerts are missing."""

Pieces = Sequence[tuple[int, int]]
"""The intervals that are counted separately: half-open, in Unix seconds."""


class AlertReport(NamedTuple):
    """The counts of each object by interval, and the coverage of everything that is visible."""

    entries: list[tuple[ObjectName, list[Counts]]]
    coverage: Coverage
    next_marker: str | None


def total(
    store: Store, scope: Scope, selection: Selection | None, pieces: Pieces, status: StatusFilter
) -> tuple[list[Counts], Coverage]:
    """Return the counts of all selected objects by interval, and the coverage.

    Without a selection, all alerts that the caller may see count.
    """
    with store.read() as db:
        counts = [count(db, scope, selection, piece, status) for piece in pieces]
        return counts, coverage.of_polls(db, scope, "quotas")


def by_object(
    store: Store,
    scope: Scope,
    selection: Selection,
    pieces: Pieces,
    status: StatusFilter,
    page: Page,
    *,
    max_datapoints: int,
) -> AlertReport:
    """Return the counts of each selected object on a page.

    Raises:
        ParameterError: the marker is not a selected object, or there are too many datapoints.
    """
    with store.read() as db:
        polls = coverage.of_polls(db, scope, "quotas")
        pages.check(db, scope, selection, page)
        objects = selected_objects(db, scope, selection, limit=page.limit, marker=page.marker)
        pages.check_size(len(objects), len(pieces), max_datapoints)
        counts = [count_by_object(db, scope, selection, piece, status) for piece in pieces]
        marker = pages.next_marker(db, scope, selection, page, [*objects.values()])
    entries = []
    for row_id, name in objects.items():
        entries.append((name, [by_id.get(row_id, {}) for by_id in counts]))
    return AlertReport(entries, polls, marker)
