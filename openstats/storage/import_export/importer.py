"""Import of the registry from a document: customers, groups, projects, linked tenants and grants.

Where the document differs from what discovery found, the value counts as set by hand, and discovery
does not change it. Clouds are not imported: they are registered from clouds.yaml. The format of
entries is defined in ``models``.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import Table, select

from openstats.errors import ConflictError, RegistryError
from openstats.names import storable
from openstats.storage.dialects import advisory_lock, one_of
from openstats.storage.import_export.differences import Difference, differences, state
from openstats.storage.import_export.models import (
    CustomerEntry,
    Entry,
    GrantEntry,
    ObjectEntry,
    ProjectEntry,
    ProjectGroupEntry,
    RegistryDocument,
    TenantEntry,
    parse,
)
from openstats.storage.registry import grants
from openstats.storage.registry.group_members import fill_all, leave_groups
from openstats.storage.registry.object_rows import ObjectRow, ObjectRows, RowColumns
from openstats.storage.registry.tenants import link
from openstats.storage.schema import tables
from openstats.storage.store import Database

customer, group, project = tables.customer, tables.project_group, tables.project
tenant, cloud = tables.tenant, tables.cloud

ObjectEntryT = TypeVar("ObjectEntryT", bound=ObjectEntry)


@dataclass(frozen=True, slots=True)
class ImportResult:
    """The numbers of a document's entries by kind, and what the import changed."""

    counts: dict[str, int]
    differences: list[Difference]


def import_registry(db: Database, content: Any, now: int) -> ImportResult:
    """Create or replace the objects of a document by uuid.

    Objects that are not in the document do not change.

    Raises:
        RegistryError: the document has unknown keys, or contradicts itself or the registry.
    """
    document = parse(content)
    advisory_lock(db, "discovery")
    old_state = state(db)
    counts = _write(db, document, now)
    return ImportResult(counts, differences(db, old_state))


def _write(db: Database, document: RegistryDocument, now: int) -> dict[str, int]:
    """Write a document; return the number of its entries by kind."""
    customers = _put_all(db, customer, ((entry, {}) for entry in document.customers), now)
    projects = _put_all(db, project, _owned_projects(customers), now)
    groups = _put_all(db, group, _owned_groups(customers), now)
    links = _links(projects, document.unlinked)
    link(db, _tenant_rows(db, links), now)
    fill_all(db, _members(db, groups))
    leave_groups(db)
    for grant in document.grants:
        _grant(db, grant, now)
    counts = {"customers": len(customers), "projects": len(projects)}
    counts |= {"project_groups": len(groups), "tenants": len(links)}
    return counts | ({"grants": len(document.grants)} if document.grants else {})


def _put_all(
    db: Database, table: Table, entries: Iterable[tuple[ObjectEntryT, RowColumns]], now: int
) -> list[tuple[ObjectEntryT, ObjectRow]]:
    """Write objects with the columns of their owners; return them with their rows."""
    rows = ObjectRows(db, table, now)
    entries_and_rows = [(entry, _put(rows, entry, owner)) for entry, owner in entries]
    rows.write(db)
    return entries_and_rows


def _put(rows: ObjectRows, entry: ObjectEntry, owner: RowColumns) -> ObjectRow:
    try:
        return rows.put({**entry.columns(), **owner})
    except ConflictError as error:
        raise entry.error(str(error)) from error


def _owned_projects(
    customers: Iterable[tuple[CustomerEntry, ObjectRow]],
) -> Iterator[tuple[ProjectEntry, RowColumns]]:
    for owner, row in customers:
        for entry in owner.projects:
            yield entry, {"customer_id": row["id"]}


def _owned_groups(
    customers: Iterable[tuple[CustomerEntry, ObjectRow]],
) -> Iterator[tuple[ProjectGroupEntry, RowColumns]]:
    for owner, row in customers:
        for entry in owner.project_groups:
            yield entry, {"customer_id": row["id"]}


def _links(
    projects: Iterable[tuple[ProjectEntry, ObjectRow]], unlinked: Iterable[TenantEntry]
) -> list[tuple[TenantEntry, int | None]]:
    """Return the tenants with the row ids of their projects; None for unlinked tenants."""
    links: list[tuple[TenantEntry, int | None]] = []
    for owner, row in projects:
        links += [(entry, row["id"]) for entry in owner.tenants]
    return links + [(entry, None) for entry in unlinked]


def _tenant_rows(
    db: Database, links: Sequence[tuple[TenantEntry, int | None]]
) -> dict[int, int | None]:
    """Return the links by the row ids of the tenants, which discovery must have found before.

    Raises:
        RegistryError: a cloud is not registered, or it has no such tenant.
    """
    cloud_ids = {row.name: row.id for row in db.execute(select(cloud.c.name, cloud.c.id))}
    columns = select(tenant.c.cloud_id, tenant.c.keystone_id, tenant.c.id)
    ids = [storable(str(entry.tenant_id)) for entry, _ in links]
    rows = db.execute(columns.where(one_of(tenant.c.keystone_id, "ids")), {"ids": ids})
    tenants = {(row.cloud_id, row.tenant_id): row.id for row in rows}
    projects: dict[int, int | None] = {}
    for tenant_id, (entry, project_id) in zip(ids, links, strict=True):
        cloud_id = cloud_ids.get(storable(str(entry.cloud)))
        if cloud_id is None:
            raise _unregistered(entry, entry.cloud)
        if (cloud_id, tenant_id) not in tenants:
            raise entry.error(
                f"cloud {entry.cloud} has no project {entry.tenant_id}: take it out, "
                "or run 'openstats discover' first"
            )
        projects[tenants[cloud_id, tenant_id]] = project_id
    return projects


def _unregistered(entry: Entry, name: Any) -> RegistryError:
    return entry.error(f"no cloud {name!a} is registered: run 'openstats discover' first")


def _members(
    db: Database, groups: Iterable[tuple[ProjectGroupEntry, ObjectRow]]
) -> dict[int, list[int]]:
    """Return the projects of groups, by row id.

    Raises:
        RegistryError: the group's customer has no project with one of the uuids.
    """
    columns = project.c.uuid, project.c.id, project.c.customer_id
    rows = db.execute(select(*columns).where(project.c.deleted_at.is_(None)))
    project_ids = {(row.customer_id, row.uuid): row.id for row in rows}
    members: dict[int, list[int]] = {}
    for entry, row in groups:
        members[row["id"]] = []
        for uuid in sorted(set(entry.projects)):
            project_id = project_ids.get((row["customer_id"], uuid))
            if project_id is None:
                raise entry.error(f"its customer has no project {uuid}")
            members[row["id"]].append(project_id)
    return members


def _grant(db: Database, entry: GrantEntry, now: int) -> None:
    """Create or replace a grant; do nothing if the same grant already exists.

    Raises:
        RegistryError: the object of the grant does not exist.
    """
    values = entry.values()
    if values.kind == "cloud":
        name = storable(str(values.object_uuid))
        uuid = db.scalar(select(cloud.c.uuid).where(cloud.c.name == name))
        if uuid is None:
            raise _unregistered(entry, values.object_uuid)
        values = replace(values, object_uuid=uuid)
    try:
        if not grants.is_granted(db, values):
            grants.write(db, entry.uuid, values, now)
    except ConflictError as error:
        raise entry.error(str(error)) from error
