"""Grants as lists show them: who has which role on what."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Row, Select, select

from openstats.model import Scope
from openstats.storage.entries.pagination import Listing, RowQuery
from openstats.storage.registry.grants import TABLES, StoredGrant, stored_grant
from openstats.storage.schema import tables
from openstats.storage.schema.tables import GRANTEES
from openstats.storage.store import Database

grant = tables.grant


def _select(_query: RowQuery) -> Select[Any]:
    source: FromClause = grant
    names = ("uuid", *GRANTEES, "role")
    columns: list[ColumnElement[Any]] = [grant.c[name] for name in names]
    for kind, table in TABLES.items():
        source = source.outerjoin(table, table.c.id == grant.c[f"{kind}_id"])
        columns.append(table.c.uuid.label(kind))
    return select(*columns).select_from(source)


def _load(_db: Database, _scope: Scope, rows: Sequence[Row[Any]]) -> list[StoredGrant]:
    return [_grant(row) for row in rows]


def _grant(row: Row[Any]) -> StoredGrant:
    (kind,) = (name for name in TABLES if row._mapping[name] is not None)
    return stored_grant(row, kind, row._mapping[kind])


GRANTS = Listing(_select, _load, order=("uuid",))
