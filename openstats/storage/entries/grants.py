"""Grants, as they are shown: who has which role on what."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, select

from openstats.model import EVERYTHING, Scope
from openstats.storage.entries.pagination import ALL, Entry, Listing, page
from openstats.storage.registry import grants
from openstats.storage.registry.grants import TABLES
from openstats.storage.schema import tables
from openstats.storage.schema.tables import GRANTEES

grant = tables.grant


def _rows(_everything: bool) -> Select[Any]:
    joined: FromClause = grant
    names = ("uuid", *GRANTEES, "role")
    columns: list[ColumnElement[Any]] = [grant.c[name] for name in names]
    for kind, table in TABLES.items():
        joined = joined.outerjoin(table, table.c.id == grant.c[f"{kind}_id"])
        columns.append(table.c.uuid.label(kind))
    return select(*columns).select_from(joined)


def _without_nulls(_db: Connection, _scope: Scope, entries: list[Entry]) -> list[Entry]:
    """Return entries with their grantee and their scope, and without those that they have not."""
    return [
        {"uuid": entry["uuid"]}
        | _present(entry, GRANTEES)
        | {"role": entry["role"], "scope": _present(entry, TABLES)}
        for entry in entries
    ]


def _present(entry: Entry, names: Iterable[str]) -> Entry:
    return {name: entry[name] for name in names if entry[name] is not None}


GRANTS = Listing(_rows, _without_nulls, order=("uuid",))


def revoke(db: Connection, kind: str, uuid: str) -> list[Entry]:
    """Delete all grants on an object, if it is of a kind that has any; return what they were."""
    if kind not in TABLES:
        return []
    entries, _ = page(db, GRANTS, EVERYTHING, filters={kind: uuid}, limit=ALL, marker=None)
    grants.revoke_all(db, kind, uuid)
    return entries
