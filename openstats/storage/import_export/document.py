"""The registry as a document: customers with their groups, projects and linked tenants; grants.

Where a document differs from what discovery found, it was set by hand, and discovery leaves it
alone. Clouds are not in it: they are read from clouds.yaml. What an entry may hold is said in
``document_entries``.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from sqlalchemy import Connection, Table, or_, select

from openstats.errors import ConflictError
from openstats.model import EVERYTHING
from openstats.names import cleaned, storable
from openstats.storage.dialects import one_of
from openstats.storage.entries.audit import Author
from openstats.storage.entries.grants import GRANTS
from openstats.storage.entries.pagination import ALL, page
from openstats.storage.import_export import differences
from openstats.storage.import_export.entries import Entry, document, grant, uuid, values
from openstats.storage.registry import grants
from openstats.storage.registry.group_members import fill_all, leave_groups
from openstats.storage.registry.object_rows import ObjectRows, Row
from openstats.storage.registry.tenants import link
from openstats.storage.schema import tables
from openstats.storage.store import advisory_lock

customer, group, project = tables.customer, tables.project_group, tables.project
member, tenant, cloud = tables.project_group_member, tables.tenant, tables.cloud

Written = tuple[Entry, Row]
Owned = tuple[Entry, Row]
"""An entry, and the columns that say whose it is."""


def export_registry(db: Connection) -> dict[str, Any]:
    """Return the whole registry, by name, then uuid; what an import does not take is left out."""
    tenants, groups = _tenants(db), _groups(db)
    projects: dict[int, list[dict[str, Any]]] = {}
    for row in _objects(db, project):
        entry = _entry(row) | {"tenants": tenants.get(row.id, [])}
        projects.setdefault(row.customer_id, []).append(entry)
    customers = [
        _entry(row)
        | {"projects": projects.get(row.id, []), "project_groups": groups.get(row.id, [])}
        for row in _objects(db, customer)
    ]
    more = {"unlinked": tenants.get(None, []), "grants": _grants(db)}
    return {"customers": customers} | {key: entries for key, entries in more.items() if entries}


def _objects(db: Connection, table: Table) -> Any:
    there = select(table).where(table.c.deleted_at.is_(None))
    return db.execute(there.order_by(table.c.name, table.c.uuid))


def _entry(row: Any) -> dict[str, Any]:
    """Return an object; its name as an import takes it, whatever a cloud may hold."""
    entry = {"uuid": row.uuid, "name": cleaned(row.name) or row.uuid, "created_at": row.created_at}
    if row.keystone:
        entry["origin"] = {"keystone": row.keystone, "id": row.keystone_id}
    return entry


def _tenants(db: Connection) -> dict[int | None, list[dict[str, Any]]]:
    """Return the tenants of each project (row id), and under None those unlinked by hand."""
    columns = tenant.c.project_id, tenant.c.tenant_id, cloud.c.name
    linked = select(*columns).join(cloud, cloud.c.id == tenant.c.cloud_id)
    # Another store never hears of those that are gone.
    chosen = or_(tenant.c.project_id.is_not(None), tenant.c.project_by_hand)
    linked = linked.where(chosen, tenant.c.deleted_at.is_(None))
    found: dict[int | None, list[dict[str, Any]]] = {}
    for row in db.execute(linked.order_by(cloud.c.name, tenant.c.tenant_id)):
        found.setdefault(row.project_id, []).append({"cloud": row.name, "tenant_id": row.tenant_id})
    return found


def _groups(db: Connection) -> dict[int, list[dict[str, Any]]]:
    members = select(member.c.project_group_id, project.c.uuid)
    members = members.join(project, project.c.id == member.c.project_id)
    members = members.join(group, group.c.id == member.c.project_group_id)
    own = project.c.deleted_at.is_(None), project.c.customer_id == group.c.customer_id
    projects: dict[int, list[str]] = {}
    for row in db.execute(members.where(*own).order_by(project.c.uuid)):
        projects.setdefault(row.project_group_id, []).append(row.uuid)
    found: dict[int, list[dict[str, Any]]] = {}
    for row in _objects(db, group):
        entry = _entry(row) | {"projects": projects.get(row.id, [])}
        found.setdefault(row.customer_id, []).append(entry)
    return found


def _grants(db: Connection) -> list[dict[str, Any]]:
    """Return all grants; a cloud is called by its name, as in the links of tenants."""
    names = {row.uuid: row.name for row in db.execute(select(cloud.c.uuid, cloud.c.name))}
    listing = page(db, GRANTS, EVERYTHING, filters={}, limit=ALL, marker=None)[0]
    return [
        entry | {"scope": {kind: names.get(on, on) for kind, on in entry["scope"].items()}}
        for entry in listing
    ]


def import_registry(
    db: Connection, given: Any, now: int, author: Author | None = None
) -> dict[str, int]:
    """Create or replace what a document names, by uuid, and leave the rest; return how many.

    What changed is in the audit under the name of ``author``, if there is one.

    Raises:
        RegistryError: the document has unknown keys, or contradicts itself or what is there.
    """
    whole = document(given)
    advisory_lock(db, "discovery")
    before = differences.state(db) if author else {}
    owners: list[Owned] = [(entry, {}) for entry in whole.entries("customers", "customer")]
    customers = _put_all(db, customer, owners, now)
    projects = _put_all(db, project, _owned(customers, "projects", project), now)
    groups = _put_all(db, group, _owned(customers, "project_groups", group), now)
    linked = [(one, row) for entry, row in projects for one in entry.entries("tenants", "tenant")]
    linked += [(one, {"id": None}) for one in whole.entries("unlinked", "tenant")]
    link(db, _links(db, linked), now)
    fill_all(db, _members(db, groups))
    leave_groups(db)
    granted = list(whole.entries("grants", "grant"))
    for entry in granted:
        _grant(db, entry, now)
    if author:
        differences.record(db, author, before)
    counts: dict[str, Sequence[Any]] = {
        "customers": customers,
        "projects": projects,
        "project_groups": groups,
    }
    counts |= {"tenants": linked} | ({"grants": granted} if granted else {})
    return {what: len(entries) for what, entries in counts.items()}


def _owned(customers: Iterable[Written], key: str, table: Table) -> Iterator[Owned]:
    """Return what customers own: the entries under ``key`` of each."""
    for owner, row in customers:
        for entry in owner.entries(key, table.name):
            yield entry, {"customer_id": row["id"]}


def _put_all(db: Connection, table: Table, owned: Iterable[Owned], now: int) -> list[Written]:
    """Set objects, and return the entry of each with its row."""
    rows = ObjectRows(db, table, now)
    written = [(entry, _put(rows, entry, owner)) for entry, owner in owned]
    rows.write(db)
    return written


def _put(rows: ObjectRows, entry: Entry, owner: Row) -> Row:
    try:
        return rows.put(values(entry) | owner)
    except ConflictError as error:
        raise entry.error(str(error)) from error


def _members(db: Connection, groups: Sequence[Written]) -> dict[int, list[int]]:
    """Return the projects of groups (row ids)."""
    columns = project.c.uuid, project.c.id, project.c.customer_id
    found = db.execute(select(*columns).where(project.c.deleted_at.is_(None)))
    projects = {row.uuid: row for row in found}
    members: dict[int, list[int]] = {}
    for entry, row in groups:
        uuids = {uuid(entry, one) for one in entry.listed("projects")}
        held = [projects[one] for one in uuids if one in projects]
        mine = {one.uuid: one.id for one in held if one.customer_id == row["customer_id"]}
        if missing := sorted(uuids - mine.keys()):
            raise entry.error(f"its customer has no project {missing[0]}")
        members[row["id"]] = [*mine.values()]
    return members


def _links(db: Connection, linked: Sequence[Written]) -> dict[int, int | None]:
    """Return to which project each tenant belongs (row ids), or that it belongs to none.

    Discovery has found them before.
    """
    clouds = {row.name: row.id for row in db.execute(select(cloud.c.name, cloud.c.id))}
    ids = [str(entry.fields.get("tenant_id")) for entry, _ in linked]
    columns = tenant.c.cloud_id, tenant.c.tenant_id, tenant.c.id
    named = select(*columns).where(one_of(tenant.c.tenant_id, "ids"))
    found = db.execute(named, {"ids": [*map(storable, ids)]})
    tenants = {(row.cloud_id, row.tenant_id): row.id for row in found}
    links: dict[int, int | None] = {}
    for key, (entry, row) in zip(ids, linked, strict=True):
        name = entry.fields.get("cloud")
        owner = clouds.get(storable(str(name))) or _unregistered(entry, name)
        if (owner, storable(key)) not in tenants:
            raise entry.error(
                f"cloud {name} has no project {key}: take it out, or run 'openstats discover' first"
            )
        links[tenants[owner, storable(key)]] = row["id"]
    return links


def _cloud(db: Connection, entry: Entry, name: Any) -> Any:
    found = db.execute(select(cloud).where(cloud.c.name == storable(str(name)))).first()
    return found if found else _unregistered(entry, name)


def _unregistered(entry: Entry, name: Any) -> NoReturn:
    raise entry.error(f"no cloud {name!a} is registered: run 'openstats discover' first")


def _grant(db: Connection, entry: Entry, now: int) -> None:
    """Create or replace a grant; one that says the same as one that is there changes nothing."""
    values = grant(entry)
    if values.kind == "cloud":
        values = replace(values, object_uuid=_cloud(db, entry, values.object_uuid).uuid)
    try:
        if not grants.is_granted(db, values):
            grants.write(db, uuid(entry, entry.fields.get("uuid")), values, now)
    except ConflictError as error:
        raise entry.error(str(error)) from error
