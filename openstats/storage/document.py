"""The registry as a document: customers with their groups, projects and linked tenants; grants.

Where a document differs from what discovery found, it was set by hand, and discovery leaves it
alone. Clouds are not in it: they are read from clouds.yaml. What an entry may hold is said in
``document_entries``.
"""

from typing import Any

from sqlalchemy import Connection, Table, select
from sqlalchemy.exc import IntegrityError

from openstats.errors import ConflictError
from openstats.model import EVERYTHING
from openstats.names import cleaned, storable
from openstats.storage import differences, grants, schema
from openstats.storage.audit import Author
from openstats.storage.document_entries import Entry, document, grant, uuid, values
from openstats.storage.group_members import fill, leave_groups
from openstats.storage.listing import page
from openstats.storage.objects import link, put
from openstats.storage.store import alone

customer, group, project = schema.customer, schema.project_group, schema.project
member, tenant, cloud = schema.project_group_member, schema.tenant, schema.cloud


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
    granted = _grants(db)
    return {"customers": customers} | ({"grants": granted} if granted else {})


def _objects(db: Connection, table: Table) -> Any:
    there = select(table).where(table.c.deleted_at.is_(None))
    return db.execute(there.order_by(table.c.name, table.c.uuid))


def _entry(row: Any) -> dict[str, Any]:
    """Return an object; its name as an import takes it, whatever a cloud may hold."""
    entry = {"uuid": row.uuid, "name": cleaned(row.name), "created_at": row.created_at}
    if row.keystone:
        entry["origin"] = {"keystone": row.keystone, "id": row.keystone_id}
    return entry


def _tenants(db: Connection) -> dict[int, list[dict[str, Any]]]:
    columns = tenant.c.project_id, tenant.c.tenant_id, cloud.c.name
    linked = select(*columns).join(cloud, cloud.c.id == tenant.c.cloud_id)
    # Another store never hears of those that are gone.
    linked = linked.where(tenant.c.project_id.is_not(None), tenant.c.deleted_at.is_(None))
    found: dict[int, list[dict[str, Any]]] = {}
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
    listing = page(db, grants.GRANTS, EVERYTHING, filters={}, limit=differences.ALL, marker=None)[0]
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
    alone(db, "discovery")
    before = differences.state(db) if author else {}
    counts = {"customers": 0, "projects": 0, "project_groups": 0, "tenants": 0}
    for entry in whole.entries("customers", "customer"):
        row = _write(db, customer, entry, now)
        counts["customers"] += 1
        _import_projects(db, entry, row, now, counts)
        _import_groups(db, entry, row, now, counts)
    leave_groups(db)
    granted = list(whole.entries("grants", "grant"))
    for entry in granted:
        _grant(db, entry, now)
    if author:
        differences.record(db, author, before)
    return counts | ({"grants": len(granted)} if granted else {})


def _import_projects(
    db: Connection, owner: Entry, owner_row: int, now: int, counts: dict[str, int]
) -> None:
    for entry in owner.entries("projects", "project"):
        row = _write(db, project, entry, now, customer_id=owner_row)
        counts["projects"] += 1
        for linked in entry.entries("tenants", "tenant"):
            link(db, _tenant(db, linked), row, now)
            counts["tenants"] += 1


def _import_groups(
    db: Connection, owner: Entry, owner_row: int, now: int, counts: dict[str, int]
) -> None:
    for entry in owner.entries("project_groups", "project_group"):
        row = _write(db, group, entry, now, customer_id=owner_row)
        try:
            fill(db, row, {uuid(entry, one) for one in entry.listed("projects")})
        except ConflictError as error:
            raise entry.error(str(error)) from error
        counts["project_groups"] += 1


def _write(db: Connection, table: Table, entry: Entry, now: int, **owned: Any) -> int:
    try:
        return put(db, table, values(entry) | owned, now)
    except IntegrityError as error:
        raise entry.error(
            f"two objects cannot have the same uuid or origin: {error.orig}"
        ) from error


def _tenant(db: Connection, entry: Entry) -> int:
    """Return the row of a tenant, which discovery has found before."""
    owner = _cloud(db, entry, entry.fields.get("cloud")).id
    key = str(entry.fields.get("tenant_id"))
    mine = tenant.c.cloud_id == owner, tenant.c.tenant_id == storable(key)
    found = db.scalar(select(tenant.c.id).where(*mine))
    if found is None:
        name = entry.fields["cloud"]
        raise entry.error(
            f"cloud {name} has no project {key}: take it out, or run 'openstats discover' first"
        )
    return int(found)


def _cloud(db: Connection, entry: Entry, name: Any) -> Any:
    found = db.execute(select(cloud).where(cloud.c.name == storable(str(name)))).first()
    if found is None:
        raise entry.error(f"no cloud {name!a} is registered: run 'openstats discover' first")
    return found


def _grant(db: Connection, entry: Entry, now: int) -> None:
    """Create or replace a grant; one that says the same as one that is there changes nothing."""
    given = grant(entry)
    if "cloud" in given["scope"]:
        given["scope"] = {"cloud": _cloud(db, entry, given["scope"]["cloud"]).uuid}
    try:
        if not grants.same(db, given):
            grants.write(db, uuid(entry, entry.fields.get("uuid")), given, now)
    except ConflictError as error:
        raise entry.error(str(error)) from error
