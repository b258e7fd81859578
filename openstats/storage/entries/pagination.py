"""Lists of the registry: filtered, ordered and paginated; and single entries."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Subquery, func, or_, select, tuple_

from openstats.errors import ParameterError
from openstats.model import Scope
from openstats.storage.access.visibility import variables
from openstats.storage.store import Database

Entry = dict[str, Any]
"""One object as a list shows it and as the audit stores it."""

Rows = Callable[[bool], Select[Any]]
"""Returns the statement that selects all rows; the argument says whether the caller sees
everything."""

Complete = Callable[[Database, Scope, list[Entry]], list[Entry]]
"""Returns the entries with fields that are not columns; it may modify its argument."""

Condition = Callable[[Any, Sequence[Any]], ColumnElement[bool]]
"""Returns the condition of a filter on rows, given its values: rows match one of the values."""

NAME_PART = "name_contains"
"""The filter that searches in names, without regard to case."""

ALL = 2**31
"""The limit of a page that holds all entries."""


def _as_they_are(_db: Database, _scope: Scope, entries: list[Entry]) -> list[Entry]:
    return entries


@dataclass(frozen=True)
class Listing:
    """One kind of object that can be listed."""

    rows: Rows
    """Selects the rows; the columns are the fields of entries and the columns in ``order``."""

    complete: Complete = _as_they_are

    order: tuple[str, ...] = ("name", "uuid")
    """The columns to order by, ascending; descending if ``newest_first``."""

    newest_first: bool = False

    conditions: Mapping[str, Condition] = field(default_factory=dict)
    """The conditions of filters that do not compare a column."""

    past: Rows | None = None
    """Selects deleted rows as well; None if deleted objects are not listed."""

    lasting: bool = False
    """Whether a single entry is shown even if it is deleted."""

    def select(self, *, everything: bool, deleted: bool) -> Subquery:
        """Return the rows that the caller sees as a subquery, with or without deleted ones."""
        rows = self.past if deleted and self.past else self.rows
        return rows(everything).subquery()

    def filter(self, rows: Subquery, filters: Mapping[str, Any]) -> list[ColumnElement[bool]]:
        """Return the conditions of filters; a filter has one value, or a tuple of values."""
        conditions = []
        for name, value in filters.items():
            values = value if isinstance(value, tuple) else (value,)
            conditions.append(self._condition(rows, name, values))
        return conditions

    def _condition(self, rows: Subquery, name: str, values: Sequence[Any]) -> ColumnElement[bool]:
        if name in self.conditions:
            return self.conditions[name](rows, values)
        if name == NAME_PART:
            return func.lower(rows.c.name).contains(values[0].lower(), autoescape=True)
        column = rows.c[name]
        is_value = column.in_([value for value in values if value is not None])
        return or_(is_value, column.is_(None)) if None in values else is_value


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
    """Return at most ``limit`` entries after the one with the uuid ``marker``, and if more follow.

    With ``deleted``, deleted entries are included::

        SELECT * FROM (<rows>) AS rows WHERE <filters> AND (name, uuid) > (:name, :uuid)
        ORDER BY name, uuid LIMIT :limit + 1

    Raises:
        ParameterError: no visible entry has the uuid of the marker.
    """
    rows = listing.select(everything=scope.everything, deleted=deleted)
    statement = select(rows).where(*listing.filter(rows, filters))
    order: list[ColumnElement[Any]] = [rows.c[name] for name in listing.order]
    if marker is not None:
        start = db.execute(select(*order).where(rows.c.uuid == marker), variables(scope)).first()
        if start is None:
            raise ParameterError(f"marker={marker}: must be the UUID of an entry of this list")
        position = tuple_(*order)
        is_after = position < tuple(start) if listing.newest_first else position > tuple(start)
        statement = statement.where(is_after)
    if listing.newest_first:
        order = [column.desc() for column in order]
    statement = statement.order_by(*order).limit(limit + 1)
    entries = list(map(_entry, db.execute(statement, variables(scope))))
    return listing.complete(db, scope, entries[:limit]), len(entries) > limit


def one(
    db: Database, listing: Listing, scope: Scope, uuid: str, *, deleted: bool = False
) -> Entry | None:
    """Return a single entry, or None if there is none; ``deleted`` includes deleted entries."""
    rows = listing.select(everything=scope.everything, deleted=deleted or listing.lasting)
    row = db.execute(select(rows).where(rows.c.uuid == uuid), variables(scope)).first()
    return None if row is None else listing.complete(db, scope, [_entry(row)])[0]


def _entry(row: Row[Any]) -> Entry:
    # Column names are a subclass of str that only str() converts to a plain str.
    return {str(name): value for name, value in row._mapping.items()}
