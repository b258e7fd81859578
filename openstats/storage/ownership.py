"""Ownership: which project a tenant belongs to, which customer a project, and since when.

The present owner is in the row itself; former owners are in a table beside it.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Table

from openstats.storage.dialects import constant
from openstats.storage.schema import tables
from openstats.storage.schema.types import FOREVER


@dataclass(frozen=True)
class Ownership:
    """A table whose rows have owners, and the table of their former owners."""

    owned: Table
    owner: str
    former: Table

    @property
    def owner_id(self) -> ColumnElement[Any]:
        """The column with the row id of the present owner; NULL for none."""
        return self.owned.c[f"{self.owner}_id"]

    @property
    def since(self) -> ColumnElement[Any]:
        """The column with the time since which the present owner has the row; 0 for always."""
        return self.owned.c[f"{self.owner}_since"]

    @property
    def former_id(self) -> ColumnElement[Any]:
        """The column of the former owners' table with the row id of the owned row."""
        return self.former.c[f"{self.owned.name}_id"]


TENANTS = Ownership(tables.tenant, "project", tables.former_project)
PROJECTS = Ownership(tables.project, "customer", tables.former_customer)


@dataclass(frozen=True)
class OwnerPeriods:
    """A table whose rows say that a row belonged to an owner in ``[since, until)``; its columns."""

    table: FromClause
    row_id: ColumnElement[Any]
    owner_id: ColumnElement[Any]
    since: ColumnElement[Any]
    until: ColumnElement[Any]


def owner_periods(kind: Ownership) -> tuple[OwnerPeriods, OwnerPeriods]:
    """Return the periods of present owners and those of former owners; together they are all."""
    forever = constant(FOREVER)
    present = OwnerPeriods(kind.owned, kind.owned.c.id, kind.owner_id, kind.since, forever)
    columns = kind.former.c
    owner_id = columns[kind.owner_id.name]
    former = OwnerPeriods(kind.former, kind.former_id, owner_id, columns.since, columns.until)
    return present, former
