"""Grants: which user, group or portal's subject has which role on what."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Select, delete, insert, select, update

from openstats.model import Scope
from openstats.storage.entries.customers import row_of
from openstats.storage.entries.pagination import Entry, Listing, one
from openstats.storage.schema import tables
from openstats.storage.schema.tables import GRANTEES

grant = tables.grant

ROLES = {
    "customer": ("owner",),
    "project_group": ("manager",),
    "project": ("admin", "manager"),
    "cloud": ("admin",),
}
"""What can be granted on what."""

SCOPES = {kind: tables.metadata.tables[kind] for kind in ROLES}


def _rows(_everything: bool) -> Select[Any]:
    joined: Any = grant
    for kind, table in SCOPES.items():
        joined = joined.outerjoin(table, table.c.id == grant.c[f"{kind}_id"])
    scopes = (table.c.uuid.label(kind) for kind, table in SCOPES.items())
    grantees = (grant.c[name] for name in GRANTEES)
    return select(grant.c.uuid, *grantees, grant.c.role, *scopes).select_from(joined)


def _shown(_db: Connection, _scope: Scope, entries: list[Entry]) -> list[Entry]:
    return [
        {"uuid": entry["uuid"]}
        | {name: entry[name] for name in GRANTEES if entry[name] is not None}
        | {"role": entry["role"]}
        | {"scope": {kind: entry[kind] for kind in SCOPES if entry[kind] is not None}}
        for entry in entries
    ]


GRANTS = Listing(_rows, _shown, order=("uuid",))


def write(db: Connection, uuid: str, given: Mapping[str, Any], now: int) -> None:
    """Create or replace a grant.

    Raises:
        ConflictError: there is nothing of the scope's uuid.
    """
    values = _columns(db, given)
    there = grant.c.uuid == uuid
    if db.scalar(select(grant.c.id).where(there)) is None:
        db.execute(insert(grant).values(uuid=uuid, created_at=now, **values))
    else:
        db.execute(update(grant).where(there).values(values))


def _columns(db: Connection, given: Mapping[str, Any]) -> dict[str, Any]:
    ((kind, on),) = given["scope"].items()
    values: dict[str, Any] = {name: given.get(name) for name in GRANTEES}
    values |= {f"{other}_id": None for other in SCOPES}
    return values | {"role": given["role"], f"{kind}_id": row_of(db, SCOPES[kind], on)}


def same(db: Connection, given: Mapping[str, Any]) -> bool:
    """Return whether somebody has this very role on this very object already.

    Raises:
        ConflictError: there is nothing of the scope's uuid.
    """
    alike = (grant.c[n].is_not_distinct_from(value) for n, value in _columns(db, given).items())
    return db.execute(select(grant.c.id).where(*alike).limit(1)).first() is not None


def remove(db: Connection, uuid: str, _now: int) -> None:
    """Delete a grant."""
    db.execute(delete(grant).where(grant.c.uuid == uuid))


def revoke(db: Connection, kind: str, uuid: str) -> list[Entry]:
    """Delete all grants on an object, if it is of a kind that has any; give them as they were."""
    if kind not in SCOPES:
        return []
    table = SCOPES[kind]
    on = select(grant.c.uuid).join(table, table.c.id == grant.c[f"{kind}_id"])
    uuids = db.scalars(on.where(table.c.uuid == uuid).order_by(grant.c.uuid)).all()
    gone = [entry for each in uuids if (entry := one(db, GRANTS, Scope(), each))]
    db.execute(delete(grant).where(grant.c.uuid.in_(uuids)))
    return gone
