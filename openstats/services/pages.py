"""Pages of what statistics list: which objects are on one, whether another follows, and sizes."""

from collections.abc import Sequence
from typing import NamedTuple

from openstats.errors import ParameterError
from openstats.model import ObjectName, Scope, Selection
from openstats.storage.access.selection import check_marker, follows
from openstats.storage.store import Database


class Page(NamedTuple):
    """At most ``limit`` objects, from the one after ``marker`` (uuid) on; None: no such bound."""

    limit: int | None = None
    marker: str | None = None

    @property
    def is_everything(self) -> bool:
        """Whether the page holds all objects."""
        return self.limit is None and self.marker is None


def check(db: Database, scope: Scope, selection: Selection, page: Page) -> None:
    """Raise unless the marker of a page is one of the selected objects that are visible.

    Raises:
        ParameterError: it is not.
    """
    if page.marker is not None:
        check_marker(db, scope, selection, page.marker)


def next_marker(
    db: Database, scope: Scope, selection: Selection, page: Page, objects: Sequence[ObjectName]
) -> str | None:
    """Return the marker of the page behind the one that holds these objects; None for the last."""
    if page.limit is None or len(objects) < page.limit:
        return None
    last = objects[-1].uuid
    return last if follows(db, scope, selection, last) else None


def check_size(objects: int, pieces: int, limit: int) -> None:
    """Raise unless an answer of so many objects and pieces is acceptable.

    Raises:
        ParameterError: it has more than ``limit`` datapoints.
    """
    if objects * pieces > limit:
        raise ParameterError(
            f"datapoints: {objects} objects times {pieces} intervals are {objects * pieces}; "
            f"must be at most {limit}: ask for fewer, or for pages with limit"
        )
