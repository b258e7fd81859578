"""Lists of whatever the registry shows: filtered, in order, page by page; and single entries."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, func, or_, select, tuple_

from openstats.errors import ParameterError
from openstats.model import Scope
from openstats.storage.access.visibility import variables
from openstats.storage.store import Database

Entry = dict[str, Any]
Rows = Callable[[bool], Select[Any]]
Completed = Callable[[Database, Scope, list[Entry]], list[Entry]]
Condition = Callable[[Any, Sequence[Any]], Any]
"""Says what rows have to be like for a filter, given its values: one of them is enough."""

NAME_PART = "name_contains"
"""The filter that searches in names, in letters of either case."""


def _as_they_are(_db: Database, _scope: Scope, entries: list[Entry]) -> list[Entry]:
    return entries


@dataclass(frozen=True)
class Listing:
    """One kind of thing that can be listed.

    ``rows`` selects what there is to see, for somebody who sees everything or not: its columns are
    the fields, and those that ``order`` names. ``past`` selects also what was deleted; None: what
    is deleted is gone. A ``lasting`` entry is found by its uuid even then. ``completed`` adds what
    is no column. ``conditions`` say what filters mean that do not ask for the values of a column.
    """

    rows: Rows
    completed: Completed = _as_they_are
    order: tuple[str, ...] = ("name", "uuid")
    newest_first: bool = False
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    past: Rows | None = None
    lasting: bool = False

    def selected(self, everything: bool, *, deleted: bool) -> Any:
        """Return what there is to see, with or without what was deleted, as a subquery."""
        rows = self.past if deleted and self.past else self.rows
        return rows(everything).subquery()

    def filtered(self, rows: Any, filters: Mapping[str, Any]) -> list[Any]:
        """Give the conditions that filters make."""
        return [
            self._condition(rows, name, value if isinstance(value, tuple) else (value,))
            for name, value in filters.items()
        ]

    def _condition(self, rows: Any, name: str, values: Sequence[Any]) -> Any:
        if name in self.conditions:
            return self.conditions[name](rows, values)
        if name == NAME_PART:
            return func.lower(rows.c.name).contains(values[0].lower(), autoescape=True)
        column = rows.c[name]
        one_of = column.in_([value for value in values if value is not None])
        return or_(one_of, column.is_(None)) if None in values else one_of


def page(
    db: Database,
    listing: Listing,
    scope: Scope,
    *,
    filters: Mapping[str, Any],
    limit: int,
    marker: str | None,
    deleted: bool = False,
) -> tuple[list[Entry], bool]:
    """Return at most ``limit`` entries behind the one of the uuid ``marker``; tell if more follow.

    With ``deleted`` also those that were deleted.

    Raises:
        ParameterError: there is no such marker to see.
    """
    rows = listing.selected(scope.everything, deleted=deleted)
    chosen = select(rows).where(*listing.filtered(rows, filters))
    places = [rows.c[name] for name in listing.order]
    if marker is not None:
        place = db.execute(select(*places).where(rows.c.uuid == marker), variables(scope)).first()
        if place is None:
            raise ParameterError(f"marker={marker}: must be the UUID of an entry of this list")
        here = tuple_(*places)
        chosen = chosen.where(here < tuple(place) if listing.newest_first else here > tuple(place))
    ordered = (place.desc() if listing.newest_first else place for place in places)
    found = db.execute(chosen.order_by(*ordered).limit(limit + 1), variables(scope)).all()
    entries = [_entry(row) for row in found[:limit]]
    return listing.completed(db, scope, entries), len(found) > limit


def one(
    db: Database, listing: Listing, scope: Scope, uuid: str, *, deleted: bool = False
) -> Entry | None:
    """Return a single entry, with ``deleted`` even a deleted one; None where there is none."""
    rows = listing.selected(scope.everything, deleted=deleted or listing.lasting)
    found = db.execute(select(rows).where(rows.c.uuid == uuid), variables(scope)).first()
    return None if found is None else listing.completed(db, scope, [_entry(found)])[0]


def _entry(row: Any) -> Entry:
    # The names of columns are a kind of str that only str() makes plain.
    return {str(name): value for name, value in row._mapping.items()}
