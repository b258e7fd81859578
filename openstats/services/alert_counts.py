"""The alert report: numbers of active alerts by severity, in total or by object.

Severities without alerts are missing in counts.
"""

from collections.abc import Sequence
from typing import NamedTuple

from openstats.alerts import StatusFilter
from openstats.model import Coverage, ObjectName, Scope, Selection
from openstats.services import pages
from openstats.services.pages import Page
from openstats.storage import coverage
from openstats.storage.alerts.counts import count, count_by_object, selected_objects
from openstats.storage.store import Store

Interval = tuple[int, int]
"""Half-open, in Unix seconds."""


class AlertReport(NamedTuple):
    """The counts of each object by interval, and the coverage of everything that is visible."""

    entries: list[tuple[ObjectName, list[dict[str, int]]]]
    coverage: Coverage
    next_marker: str | None


def total(
    store: Store,
    scope: Scope,
    selection: Selection | None,
    intervals: Sequence[Interval],
    status: StatusFilter,
) -> tuple[list[dict[str, int]], Coverage]:
    """Return the counts of all selected objects by interval, and the coverage.

    Without a selection, all alerts that the caller may see count.
    """
    with store.read() as db:
        counts = [count(db, scope, selection, interval, status) for interval in intervals]
        return counts, coverage.of_polls(db, scope, "quotas")


def by_object(
    store: Store,
    scope: Scope,
    selection: Selection,
    intervals: Sequence[Interval],
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
        pages.check_size(len(objects), len(intervals), max_datapoints)
        counts = []
        for interval in intervals:
            counts.append(count_by_object(db, scope, selection, interval, status))
        marker = pages.next_marker(db, scope, selection, page, [*objects.values()])
    entries = []
    for row_id, name in objects.items():
        entries.append((name, [by_id.get(row_id, {}) for by_id in counts]))
    return AlertReport(entries, polls, marker)
