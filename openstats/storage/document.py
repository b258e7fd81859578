"""The registry as a document: customers with their groups, projects and linked tenants.

Where a document differs from what discovery found, it was set by hand, and discovery leaves it
alone. Clouds are not in it: they are read from clouds.yaml.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Table, select
from sqlalchemy.exc import IntegrityError

from openstats.errors import RegistryError
from openstats.storage import schema
from openstats.storage.objects import fill, leave_groups, link, put
from openstats.storage.store import alone

customer, group, project = schema.customer, schema.project_group, schema.project
member, tenant, cloud = schema.project_group_member, schema.tenant, schema.cloud

Entry = Mapping[str, Any]

LATEST = 4102444800
"""The first second of 2100: later ones were meant in milliseconds."""

KEYS = {
    "customer": {"uuid", "name", "created_at", "origin", "projects", "project_groups"},
    "project": {"uuid", "name", "created_at", "origin", "tenants"},
    "project_group": {"uuid", "name", "created_at", "origin", "projects"},
    "tenant": {"cloud", "tenant_id"},
}


def export_registry(db: Connection) -> dict[str, Any]:
    """Give the whole registry, by name, then uuid."""
    tenants, groups = _tenants(db), _groups(db)
    projects: dict[int, list[dict[str, Any]]] = {}
    for row in _objects(db, project):
        entry = _entry(row) | {"tenants": tenants.get(row.id, [])}
        projects.setdefault(row.customer_id, []).append(entry)
    return {
        "customers": [
            _entry(row)
            | {"projects": projects.get(row.id, []), "project_groups": groups.get(row.id, [])}
            for row in _objects(db, customer)
        ]
    }


def _objects(db: Connection, table: Table) -> Any:
    there = select(table).where(table.c.deleted_at.is_(None))
    return db.execute(there.order_by(table.c.name, table.c.uuid))


def _entry(row: Any) -> dict[str, Any]:
    dated = {} if row.created_at is None else {"created_at": row.created_at}
    found = {"origin": {"keystone": row.keystone, "id": row.keystone_id}} if row.keystone else {}
    return {"uuid": row.uuid, "name": row.name} | dated | found


def _tenants(db: Connection) -> dict[int, list[dict[str, Any]]]:
    linked = select(tenant.c.project_id, tenant.c.tenant_id, cloud.c.name)
    linked = linked.join(cloud, cloud.c.id == tenant.c.cloud_id).where(
        tenant.c.project_id.is_not(None)
    )
    found: dict[int, list[dict[str, Any]]] = {}
    for row in db.execute(linked.order_by(cloud.c.name, tenant.c.tenant_id)):
        found.setdefault(row.project_id, []).append({"cloud": row.name, "tenant_id": row.tenant_id})
    return found


def _groups(db: Connection) -> dict[int, list[dict[str, Any]]]:
    held: dict[int, list[str]] = {}
    members = select(member.c.project_group_id, project.c.uuid).join(
        project, project.c.id == member.c.project_id
    )
    for row in db.execute(members.order_by(project.c.uuid)):
        held.setdefault(row.project_group_id, []).append(row.uuid)
    found: dict[int, list[dict[str, Any]]] = {}
    for row in _objects(db, group):
        found.setdefault(row.customer_id, []).append(
            _entry(row) | {"projects": held.get(row.id, [])}
        )
    return found


def import_registry(db: Connection, document: Any, now: int) -> dict[str, int]:
    """Create or replace what a document names, by uuid, and leave the rest; tell how many.

    Raises:
        RegistryError: the document has unknown keys, or contradicts itself or what is there.
    """
    try:
        return _import(db, document, now)
    except IntegrityError as error:
        raise RegistryError(
            f"two objects cannot have the same uuid or origin: {error.orig}"
        ) from error


def _import(db: Connection, document: Any, now: int) -> dict[str, int]:
    alone(db, "discovery")
    counts = {"customers": 0, "projects": 0, "project_groups": 0, "tenants": 0}
    for entry in _listed(document, "customers"):
        owner = _write(db, customer, "customer", entry, now)
        counts["customers"] += 1
        for item in _listed(entry, "projects"):
            row = _write(db, project, "project", item, now, customer_id=owner)
            counts["projects"] += 1
            counts["tenants"] += _link(db, row, _listed(item, "tenants"), now)
        for item in _listed(entry, "project_groups"):
            row = _write(db, group, "project_group", item, now, customer_id=owner)
            uuids = {_uuid("project_group", uuid) for uuid in _listed(item, "projects")}
            fill(db, row, uuids)
            counts["project_groups"] += 1
    leave_groups(db)
    return counts


def _listed(entry: Any, key: str) -> list[Any]:
    found = entry.get(key) or [] if isinstance(entry, Mapping) else None
    if not isinstance(found, list):
        raise RegistryError(f"{key}: it takes a list, in a mapping")
    return found


def _checked(kind: str, entry: Any) -> Entry:
    if not isinstance(entry, Mapping):
        raise RegistryError(f"{kind}: it takes a mapping of {', '.join(sorted(KEYS[kind]))}")
    unknown = sorted(set(map(str, entry)) - KEYS[kind])
    if unknown:
        raise RegistryError(
            f"{kind}: no key {unknown[0]}; there are {', '.join(sorted(KEYS[kind]))}"
        )
    return entry


def _write(db: Connection, table: Table, kind: str, entry: Any, now: int, **owned: Any) -> int:
    return put(db, table, _values(kind, _checked(kind, entry)) | owned, now)


def _values(kind: str, given: Entry) -> dict[str, Any]:
    name, origin = given.get("name"), given.get("origin") or {}
    if not _is_text(name, 255):
        raise RegistryError(f"{kind}: it needs a name, of at most 255 characters")
    if not isinstance(origin, Mapping) or (origin and set(origin) != {"keystone", "id"}):
        raise RegistryError(f"{kind}: origin takes keystone and id, as an export has them")
    if not all(_is_text(value, 255) for value in origin.values()):
        raise RegistryError(f"{kind}: keystone and id of an origin are texts")
    dated = {"created_at": _date(kind, given["created_at"])} if "created_at" in given else {}
    found = {"keystone": origin.get("keystone"), "keystone_id": origin.get("id")}
    return {"uuid": _uuid(kind, given.get("uuid")), "name": name} | found | dated


def _is_text(given: Any, longest: int) -> bool:
    return isinstance(given, str) and 0 < len(given) <= longest and given.isprintable()


def _uuid(kind: str, given: Any) -> str:
    if given is None:
        return str(uuid4())
    try:
        return str(UUID(str(given)))
    except ValueError:
        raise RegistryError(f"{kind}: {given!r} is no uuid") from None


def _date(kind: str, given: Any) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given <= LATEST:
        raise RegistryError(f"{kind}: created_at takes Unix seconds, not {given!r}")
    return given


def _link(db: Connection, project_row: int, entries: list[Any], now: int) -> int:
    """Link tenants of registered clouds to a project; each was found by discovery before."""
    for entry in entries:
        link(db, _tenant(db, _checked("tenant", entry)), project_row, now)
    return len(entries)


def _tenant(db: Connection, given: Entry) -> int:
    owner = db.scalar(select(cloud.c.id).where(cloud.c.name == str(given.get("cloud"))))
    if owner is None:
        raise RegistryError(
            f"tenant: no cloud {given.get('cloud')!r} is registered: run 'discover' first"
        )
    mine = tenant.c.cloud_id == owner, tenant.c.tenant_id == str(given.get("tenant_id"))
    found = db.scalar(select(tenant.c.id).where(*mine))
    if found is None:
        raise RegistryError(
            f"tenant: cloud {given['cloud']} has no project {given.get('tenant_id')}"
        )
    return int(found)
