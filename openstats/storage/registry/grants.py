"""Grants: writes and deletes roles of a user, group or portal's subject on an object.

``access`` decides what a grant allows a caller to see.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from openstats.storage.registry.customers import row_id
from openstats.storage.schema import tables
from openstats.storage.schema.tables import GRANTEES
from openstats.storage.store import Database

grant = tables.grant

ROLES = {
    "customer": ("owner",),
    "project_group": ("manager",),
    "project": ("admin", "manager"),
    "cloud": ("admin",),
}
"""The roles that can be granted, by the kind of the object."""

TABLES = {kind: tables.metadata.tables[kind] for kind in ROLES}
COLUMNS = tuple(f"{kind}_id" for kind in ROLES)


@dataclass(frozen=True, slots=True)
class GrantValues:
    """The values of a grant: ``grantee`` has ``role`` on the object with this kind and uuid.

    ``grantee_kind`` is one of ``GRANTEES``.
    """

    grantee_kind: str
    grantee: str
    role: str
    kind: str
    object_uuid: str


@dataclass(frozen=True, slots=True)
class StoredGrant:
    """A grant with its uuid."""

    uuid: str
    values: GrantValues


def write(db: Database, uuid: str, values: GrantValues, now: int) -> None:
    """Create or replace the grant with this uuid.

    Raises:
        ConflictError: the object of the grant does not exist.
    """
    columns = _columns(db, values)
    has_uuid = grant.c.uuid == uuid
    if db.scalar(select(grant.c.id).where(has_uuid)) is None:
        db.execute(insert(grant).values(uuid=uuid, created_at=now, **columns))
    else:
        db.execute(update(grant).where(has_uuid).values(columns))


def _columns(db: Database, values: GrantValues) -> dict[str, Any]:
    """Return all columns that a grant sets; columns of other grantees and objects are None."""
    columns: dict[str, Any] = dict.fromkeys((*GRANTEES, *COLUMNS))
    columns[values.grantee_kind] = values.grantee
    columns[f"{values.kind}_id"] = row_id(db, TABLES[values.kind], values.object_uuid)
    return columns | {"role": values.role}


def is_granted(db: Database, values: GrantValues) -> bool:
    """Return whether the same grantee already has the same role on the same object.

    Raises:
        ConflictError: the object of the grant does not exist.
    """
    statement = select(grant.c.id).limit(1)
    for name, value in _columns(db, values).items():
        statement = statement.where(grant.c[name].is_not_distinct_from(value))
    return db.execute(statement).first() is not None


def revoke(db: Database, uuid: str) -> None:
    """Delete a grant."""
    db.execute(delete(grant).where(grant.c.uuid == uuid))


def revoke_all(db: Database, kind: str, uuid: str) -> list[StoredGrant]:
    """Delete all grants on an object, and return them by uuid; none for kinds without grants."""
    if kind not in TABLES:
        return []
    table = TABLES[kind]
    object_id = select(table.c.id).where(table.c.uuid == uuid).scalar_subquery()
    deletion = delete(grant).where(grant.c[f"{kind}_id"] == object_id)
    columns = grant.c.uuid, grant.c.role, *(grant.c[name] for name in GRANTEES)
    rows = db.execute(deletion.returning(*columns)).all()
    return [stored_grant(row, kind, uuid) for row in sorted(rows, key=lambda row: row.uuid)]


def stored_grant(row: Row[Any], kind: str, object_uuid: str) -> StoredGrant:
    """Return the grant in a row with ``uuid``, ``role`` and all grantees, on this object."""
    (grantee_kind,) = (name for name in GRANTEES if row._mapping[name] is not None)
    grantee = row._mapping[grantee_kind]
    return StoredGrant(row.uuid, GrantValues(grantee_kind, grantee, row.role, kind, object_uuid))
