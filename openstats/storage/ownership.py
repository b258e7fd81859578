"""Ownership: whose tenants and projects are, and were before moves."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import FromClause, Table

from openstats.storage.dialects import constant
from openstats.storage.schema import tables
from openstats.storage.schema.types import FOREVER

Column = Any


@dataclass(frozen=True)
class Owning:
    """A table whose rows have an owner, and the table of their former ones."""

    owned: Table
    owner: str
    former: Table

    @property
    def owner_id(self) -> Column:
        """Who owns it now; NULL for nobody."""
        return self.owned.c[f"{self.owner}_id"]

    @property
    def since(self) -> Column:
        """From when on; 0 for always."""
        return self.owned.c[f"{self.owner}_since"]

    @property
    def former_id(self) -> Column:
        """Which row once belonged to somebody else."""
        return self.former.c[f"{self.owned.name}_id"]


TENANTS = Owning(tables.tenant, "project", tables.former_project)
PROJECTS = Owning(tables.project, "customer", tables.former_customer)


@dataclass(frozen=True)
class Stay:
    """A way in which a row belongs to an owner: it does now, or it did before a move."""

    table: FromClause
    owned: Column
    owner: Column
    since: Column
    until: Column


def stays(kind: Owning) -> tuple[Stay, Stay]:
    """Return both ways; who reads both, and adds them up, knows all that was ever owned."""
    now = Stay(kind.owned, kind.owned.c.id, kind.owner_id, kind.since, constant(FOREVER))
    former = kind.former.c
    owner = former[kind.owner_id.name]
    return now, Stay(kind.former, kind.former_id, owner, former.since, former.until)
