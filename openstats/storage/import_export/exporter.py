"""Export of the registry to a document: customers with everything they own, and grants.

Clouds are not exported: they are registered from clouds.yaml.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Row, Table, or_, select

from openstats.model import EVERYTHING
from openstats.names import cleaned
from openstats.storage.entries.grants import GRANTS
from openstats.storage.entries.pagination import read_all
from openstats.storage.registry.grants import StoredGrant
from openstats.storage.schema import tables
from openstats.storage.store import Database

customer, group, project = tables.customer, tables.project_group, tables.project
member, tenant, cloud = tables.project_group_member, tables.tenant, tables.cloud

ExportedEntry = dict[str, Any]


def export_registry(db: Database) -> ExportedEntry:
    """Return the whole registry as a document, ordered by name, then uuid.

    It has only what an import accepts: objects and tenants that are not deleted.
    """
    tenants, groups = _tenants(db), _groups(db)
    projects: dict[int, list[ExportedEntry]] = defaultdict(list)
    for row in _existing(db, project):
        projects[row.customer_id].append(_entry(row) | {"tenants": tenants.get(row.id, [])})
    customers = []
    for row in _existing(db, customer):
        owned = {"projects": projects.get(row.id, []), "project_groups": groups.get(row.id, [])}
        customers.append(_entry(row) | owned)
    document: ExportedEntry = {"customers": customers}
    if unlinked := tenants.get(None):
        document["unlinked"] = unlinked
    if grants := _grants(db):
        document["grants"] = grants
    return document


def _existing(db: Database, table: Table) -> Iterable[Row[Any]]:
    rows = select(table).where(table.c.deleted_at.is_(None))
    return db.execute(rows.order_by(table.c.name, table.c.uuid))


def _entry(row: Row[Any]) -> ExportedEntry:
    """Return the entry of an object. Its name is cleaned, so that an import accepts it."""
    entry = {"uuid": row.uuid, "name": cleaned(row.name) or row.uuid, "created_at": row.created_at}
    if row.keystone:
        entry["origin"] = {"keystone": row.keystone, "id": row.keystone_id}
    return entry


def _tenants(db: Database) -> dict[int | None, list[ExportedEntry]]:
    """Return the tenants of each project (row id); tenants unlinked by hand are under None."""
    columns = select(tenant.c.project_id, tenant.c.keystone_id, cloud.c.name)
    statement = columns.join(cloud, cloud.c.id == tenant.c.cloud_id).where(
        or_(tenant.c.project_id.is_not(None), tenant.c.project_by_hand),
        # Deleted tenants are left out: another store would never discover them.
        tenant.c.deleted_at.is_(None),
    )
    tenants: dict[int | None, list[ExportedEntry]] = defaultdict(list)
    for row in db.execute(statement.order_by(cloud.c.name, tenant.c.keystone_id)):
        tenants[row.project_id].append({"cloud": row.name, "tenant_id": row.tenant_id})
    return tenants


def _groups(db: Database) -> dict[int, list[ExportedEntry]]:
    """Return the groups of each customer (row id), with the uuids of their projects."""
    members = select(member.c.project_group_id, project.c.uuid)
    members = members.join(project, project.c.id == member.c.project_id)
    members = members.join(group, group.c.id == member.c.project_group_id).where(
        project.c.deleted_at.is_(None), project.c.customer_id == group.c.customer_id
    )
    projects: dict[int, list[str]] = defaultdict(list)
    for group_id, project_uuid in db.execute(members.order_by(project.c.uuid)):
        projects[group_id].append(project_uuid)
    groups: dict[int, list[ExportedEntry]] = defaultdict(list)
    for row in _existing(db, group):
        groups[row.customer_id].append(_entry(row) | {"projects": projects.get(row.id, [])})
    return groups


def _grants(db: Database) -> list[ExportedEntry]:
    """Return all grants; clouds are named by name, as in the links of tenants."""
    cloud_names = {row.uuid: row.name for row in db.execute(select(cloud.c.uuid, cloud.c.name))}
    return [_grant(row, cloud_names) for row in read_all(db, GRANTS, EVERYTHING)]


def _grant(row: StoredGrant, cloud_names: Mapping[str, str]) -> ExportedEntry:
    values = row.values
    return {
        "uuid": row.uuid,
        values.grantee_kind: values.grantee,
        "role": values.role,
        "scope": {values.kind: cloud_names.get(values.object_uuid, values.object_uuid)},
    }
