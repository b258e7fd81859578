"""Grants as lists show them: who has which role on what."""

from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, select

from openstats.model import EVERYTHING, Scope
from openstats.storage.entries.pagination import ALL, Entry, Listing, page
from openstats.storage.registry import grants
from openstats.storage.registry.grants import TABLES
from openstats.storage.schema import tables
from openstats.storage.schema.tables import GRANTEES
from openstats.storage.store import Database

grant = tables.grant


def _rows(_everything: bool) -> Select[Any]:
    source: FromClause = grant
    names = ("uuid", *GRANTEES, "role")
    columns: list[ColumnElement[Any]] = [grant.c[name] for name in names]
    for kind, table in TABLES.items():
        source = source.outerjoin(table, table.c.id == grant.c[f"{kind}_id"])
        columns.append(table.c.uuid.label(kind))
    return select(*columns).select_from(source)


def _without_nulls(_db: Database, _scope: Scope, entries: list[Entry]) -> list[Entry]:
    """Return entries with only the grantee and the scope that are set."""
    return list(map(_without_null, entries))


def _without_null(entry: Entry) -> Entry:
    grantees = {name: entry[name] for name in GRANTEES if entry[name] is not None}
    scope = {kind: entry[kind] for kind in TABLES if entry[kind] is not None}
    return {"uuid": entry["uuid"], **grantees, "role": entry["role"], "scope": scope}


GRANTS = Listing(_rows, _without_nulls, order=("uuid",))


def revoke(db: Database, kind: str, uuid: str) -> list[Entry]:
    """Delete all grants on an object and return their entries; none for kinds without grants."""
    if kind not in TABLES:
        return []
    entries, _ = page(db, GRANTS, EVERYTHING, filters={kind: uuid}, limit=ALL, marker=None)
    grants.revoke_all(db, kind, uuid)
    return entries
