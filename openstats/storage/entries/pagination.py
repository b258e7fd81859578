"""Listings: rows that callers may see, filtered, ordered and read in pages; and single rows.

Each kind of row is a dataclass, which is defined beside its SQL. No HTTP and no JSON: the API
renders rows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import ColumnElement, Row, Select, Subquery, func, or_, select, tuple_

from openstats.errors import ParameterError
from openstats.model import Scope
from openstats.storage.access.visibility import variables
from openstats.storage.store import Database


class Identified(Protocol):
    """A row with a uuid."""

    @property
    def uuid(self) -> str:
        """The uuid."""


RowT = TypeVar("RowT", bound=Identified)

Filters = Mapping[str, Any]
"""Filters by name: a column or one of ``Listing.conditions``; each has a value or several."""

NO_FILTERS: Filters = {}

Condition = Callable[[Subquery, Sequence[Any]], ColumnElement[bool]]
"""Returns the condition of a filter on rows, given its values: rows match one of the values."""

NAME_PART = "name_contains"
"""The filter that searches in names, without regard to case."""


@dataclass(frozen=True, slots=True)
class RowQuery:
    """Which rows a listing selects: those that the caller sees, with or without deleted ones."""

    everything: bool
    deleted: bool = False


@dataclass(frozen=True)
class Listing(Generic[RowT]):
    """One kind of rows that can be listed."""

    select_rows: Callable[[RowQuery], Select[Any]]
    """Selects the rows; filters and ``order`` name its columns."""

    load: Callable[[Database, Scope, Sequence[Row[Any]]], list[RowT]]
    """Returns the selected rows as dataclasses, with what other queries find."""

    order: tuple[str, ...] = ("name", "uuid")
    """The columns to order by, ascending; descending if ``newest_first``."""

    newest_first: bool = False

    conditions: Mapping[str, Condition] = field(default_factory=dict)
    """The conditions of filters that do not compare a column."""

    keeps_deleted: bool = False
    """Whether deleted rows can be listed."""

    finds_deleted: bool = False
    """Whether a single row is found even if it is deleted."""

    def conditions_of(self, rows: Subquery, filters: Filters) -> list[ColumnElement[bool]]:
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


def read_page(
    db: Database,
    listing: Listing[RowT],
    scope: Scope,
    *,
    filters: Filters = NO_FILTERS,
    limit: int | None = None,
    marker: str | None = None,
    deleted: bool = False,
) -> tuple[list[RowT], bool]:
    """Return at most ``limit`` rows after the one with the uuid ``marker``, and if more follow.

    With ``deleted``, deleted rows are included::

        SELECT * FROM (<rows>) AS rows WHERE <filters> AND (name, uuid) > (:name, :uuid)
        ORDER BY name, uuid LIMIT :limit + 1

    Raises:
        ParameterError: no visible row has the uuid of the marker.
    """
    rows = listing.select_rows(RowQuery(scope.everything, deleted)).subquery()
    statement = select(rows).where(*listing.conditions_of(rows, filters))
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
    statement = statement.order_by(*order)
    if limit is not None:
        statement = statement.limit(limit + 1)
    selected = db.execute(statement, variables(scope)).all()
    return listing.load(db, scope, selected[:limit]), limit is not None and len(selected) > limit


def read_all(
    db: Database,
    listing: Listing[RowT],
    scope: Scope,
    filters: Filters = NO_FILTERS,
    *,
    deleted: bool = False,
) -> list[RowT]:
    """Return all rows that match the filters, in one page."""
    return read_page(db, listing, scope, filters=filters, deleted=deleted)[0]


def read_one(
    db: Database, listing: Listing[RowT], scope: Scope, uuid: str, *, deleted: bool = False
) -> RowT | None:
    """Return a single row, or None if there is none; ``deleted`` includes deleted rows."""
    query = RowQuery(scope.everything, deleted or listing.finds_deleted)
    rows = listing.select_rows(query).subquery()
    row = db.execute(select(rows).where(rows.c.uuid == uuid), variables(scope)).first()
    return None if row is None else listing.load(db, scope, [row])[0]
