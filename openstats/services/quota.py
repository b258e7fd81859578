"""The quota report: limits and use, in total or by object, with their coverage."""

from typing import NamedTuple

from openstats.model import Coverage, ObjectName, Scope, Selection
from openstats.services import pages
from openstats.services.pages import Page
from openstats.storage.quota import sums
from openstats.storage.store import Store


class QuotaReport(NamedTuple):
    """Sums by object, and the coverage of all selected objects, including other pages."""

    entries: list[tuple[ObjectName, sums.Sums]]
    coverage: Coverage
    next_marker: str | None


def by_object(store: Store, scope: Scope, selection: Selection, page: Page) -> QuotaReport:
    """Return the sums of each selected object on a page.

    Raises:
        ParameterError: the marker is not a selected object.
    """
    with store.read() as db:
        coverage = sums.coverage(db, scope, selection)
        pages.check(db, scope, selection, page)
        entries = sums.by_object(db, scope, selection, limit=page.limit, marker=page.marker)
        objects = [name for name, _ in entries]
        marker = pages.next_marker(db, scope, selection, page, objects)
    return QuotaReport(entries, coverage, marker)


def total(store: Store, scope: Scope, selection: Selection) -> tuple[sums.Sums, Coverage]:
    """Return the sums over all selected objects, and their coverage."""
    with store.read() as db:
        return sums.total(db, scope, selection)
