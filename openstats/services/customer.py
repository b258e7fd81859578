"""The customer report: numbers of projects, groups and instances of each customer, by page."""

from typing import NamedTuple

from openstats.model import Coverage, CustomerCounts, Scope, Selection
from openstats.services import pages
from openstats.services.pages import Page
from openstats.storage import coverage
from openstats.storage.counts import customer
from openstats.storage.store import Store


class CustomerReport(NamedTuple):
    """The customers of a page, and the coverage of everything that the caller may see."""

    customers: list[CustomerCounts]
    coverage: Coverage
    next_marker: str | None


def report(store: Store, scope: Scope, uuids: tuple[str, ...], page: Page) -> CustomerReport:
    """Return the counts of each selected customer on a page.

    Raises:
        ParameterError: the marker is not a selected customer.
    """
    selection = Selection("customer", uuids)
    with store.read() as db:
        pages.check(db, scope, selection, page)
        counts = customer.listing(db, scope, selection, limit=page.limit, marker=page.marker)
        names = [count.customer for count in counts]
        marker = pages.next_marker(db, scope, selection, page, names)
        return CustomerReport(counts, coverage.of_polls(db, scope, "instances"), marker)
