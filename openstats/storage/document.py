"""The registry as a document: customers with their groups, projects and linked tenants.

Where a document differs from what discovery found, it was set by hand, and discovery leaves it
alone. Clouds are not in it: they are read from clouds.yaml.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Table, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from openstats.errors import RegistryError
from openstats.storage import schema
from openstats.storage.moves import PROJECTS, TENANTS, move
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
            _fill(db, row, owner, item)
            counts["project_groups"] += 1
    _leave_groups(db)
    return counts


def _leave_groups(db: Connection) -> None:
    """Take projects that were given to another customer out of the former one's groups."""
    strangers = select(member.c.project_id).where(
        project.c.id == member.c.project_id,
        group.c.id == member.c.project_group_id,
        project.c.customer_id != group.c.customer_id,
    )
    db.execute(delete(member).where(strangers.correlate(member).exists()))


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
    """Create or replace one object, and give its row id.

    It is the one that has the uuid, or else the origin: so a registry that was exported meets
    what discovery has found since. What differs from that was set by hand.
    """
    values = _values(kind, _checked(kind, entry)) | owned
    row = _present(db, table, values)
    if row is None:
        by_hand = _by_hand(table, dict.fromkeys(values, values["keystone"] is None))
        fresh = {"created_at": now, **values, **by_hand}
        return int(db.execute(insert(table).values(fresh).returning(table.c.id)).scalar_one())
    before = row._mapping
    if table is project and before["customer_id"] != values["customer_id"]:
        move(db, PROJECTS, {row.id: values["customer_id"]}, now)
    by_hand = _by_hand(table, {name: value != before[name] for name, value in values.items()})
    kept = {"keystone", "keystone_id"} if values["keystone"] is None else set()
    changed = {n: v for n, v in values.items() if n not in kept} | {"deleted_at": None}
    changed |= {flag: set_now or before[flag] for flag, set_now in by_hand.items()}
    dated = values.get("created_at", before["created_at"]) != before["created_at"]
    changed["undated"] = before["undated"] and not dated
    db.execute(update(table).where(table.c.id == row.id).values(changed))
    return int(row.id)


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


def _present(db: Connection, table: Table, values: Mapping[str, Any]) -> Any:
    same = table.c.uuid == values["uuid"]
    found = db.execute(select(table).where(same)).first()
    if found or values["keystone"] is None:
        return found
    origin = table.c.keystone == values["keystone"], table.c.keystone_id == values["keystone_id"]
    return db.execute(select(table).where(*origin)).first()


def _by_hand(table: Table, changed: Mapping[str, bool]) -> dict[str, bool]:
    """Give the flags of what discovery must not set any more."""
    flags = {"name": "name_by_hand", "customer_id": "customer_by_hand"}
    return {flags[n]: bool(c) for n, c in changed.items() if n in flags and flags[n] in table.c}


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
        found = _tenant(db, _checked("tenant", entry))
        if found.project_id != project_row:
            move(db, TENANTS, {found.id: project_row}, now)
            by_hand = update(tenant).where(tenant.c.id == found.id)
            db.execute(by_hand.values(project_by_hand=True))
    return len(entries)


def _tenant(db: Connection, given: Entry) -> Any:
    owner = db.scalar(select(cloud.c.id).where(cloud.c.name == str(given.get("cloud"))))
    if owner is None:
        raise RegistryError(
            f"tenant: no cloud {given.get('cloud')!r} is registered: run 'discover' first"
        )
    mine = tenant.c.cloud_id == owner, tenant.c.tenant_id == str(given.get("tenant_id"))
    found = db.execute(select(tenant.c.id, tenant.c.project_id).where(*mine)).first()
    if found is None:
        raise RegistryError(
            f"tenant: cloud {given['cloud']} has no project {given.get('tenant_id')}"
        )
    return found


def _fill(db: Connection, group_row: int, owner: int, entry: Entry) -> None:
    """Put exactly these projects into a group; they are its customer's."""
    uuids = [_uuid("project_group", uuid) for uuid in _listed(entry, "projects")]
    found = db.execute(
        select(project.c.id, project.c.uuid).where(
            project.c.uuid.in_(uuids), project.c.customer_id == owner
        )
    )
    rows = {row.uuid: row.id for row in found}
    missing = sorted(set(uuids) - set(rows))
    if missing:
        raise RegistryError(f"project_group: its customer has no project {missing[0]}")
    db.execute(delete(member).where(member.c.project_group_id == group_row))
    if rows:
        pairs = [
            {"project_group_id": group_row, "project_id": row, "by_hand": True}
            for row in rows.values()
        ]
        db.execute(insert(member), pairs)
