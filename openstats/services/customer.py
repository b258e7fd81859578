"""The customer report: what each customer has, page by page, with the coverage."""

from typing import NamedTuple

from openstats.model import Coverage, CustomerCounts, Scope, Selection
from openstats.services import pages
from openstats.services.pages import Page
from openstats.storage import coverage
from openstats.storage.counts import customer
from openstats.storage.store import Store


class CustomerReport(NamedTuple):
    """The customers of a page; the coverage is that of all that the caller sees."""

    customers: list[CustomerCounts]
    coverage: Coverage
    next_marker: str | None


def report(store: Store, scope: Scope, uuids: tuple[str, ...], page: Page) -> CustomerReport:
    """Return the counts of each selected customer on a page.

    Raises:
        ParameterError: the marker is none of the customers.
    """
    selection = Selection("customer", uuids)
    with store.read() as db:
        pages.check(db, scope, selection, page)
        counts = customer.listing(db, scope, selection, limit=page.limit, marker=page.marker)
        names = [count.customer for count in counts]
        marker = pages.next_marker(db, scope, selection, page, names)
        return CustomerReport(counts, coverage.of_polls(db, scope, "instances"), marker)
