"""Pages of objects in statistics: markers, the next page, and the limit of the size."""

from collections.abc import Sequence
from typing import NamedTuple

from openstats.errors import ParameterError
from openstats.model import ObjectName, Scope, Selection
from openstats.storage.access.selection import check_marker, follows
from openstats.storage.store import Database


class Page(NamedTuple):
    """At most ``limit`` objects after ``marker`` (a uuid); None means no such bound."""

    limit: int | None = None
    marker: str | None = None

    @property
    def is_everything(self) -> bool:
        """Whether the page holds all objects."""
        return self.limit is None and self.marker is None


def check(db: Database, scope: Scope, selection: Selection, page: Page) -> None:
    """Check the marker of a page.

    Raises:
        ParameterError: the marker is not one of the selected objects that the caller may see.
    """
    if page.marker is not None:
        check_marker(db, scope, selection, page.marker)


def next_marker(
    db: Database, scope: Scope, selection: Selection, page: Page, objects: Sequence[ObjectName]
) -> str | None:
    """Return the marker of the next page, given the objects of this one; None on the last page."""
    if page.limit is None or len(objects) < page.limit:
        return None
    last = objects[-1].uuid
    return last if follows(db, scope, selection, last) else None


def check_size(objects: int, pieces: int, limit: int) -> None:
    """Check the size of a response: the number of objects times the number of intervals.

    Raises:
        ParameterError: the response would have more than ``limit`` datapoints.
    """
    if objects * pieces > limit:
        raise ParameterError(
            f"datapoints: {objects} objects times {pieces} intervals are {objects * pieces}; "
            f"must be at most {limit}: ask for fewer, or for pages with limit"
        )
