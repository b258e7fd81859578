"""Instances as lists show them: the existing servers of visible tenants."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Subquery, Table, select

from openstats.model import Scope
from openstats.storage.entries.pagination import Condition, Listing, RowQuery
from openstats.storage.entries.tenants import visible_tenants
from openstats.storage.inventory.root_disks import local_disk
from openstats.storage.schema import tables
from openstats.storage.store import Database

tenant, project, customer = tables.tenant, tables.project, tables.customer
instance = tables.instance


@dataclass(frozen=True, slots=True)
class StoredInstance:
    """A server, with the uuid of its tenant; ``ram`` and ``disk``, on its hypervisor, in MiB."""

    uuid: str
    tenant: str
    name: str
    status: str
    vcpus: int
    ram: int
    disk: int
    created_at: int


def _select(query: RowQuery) -> Select[Any]:
    """Select the servers of visible tenants."""
    names = ("uuid", "name", "status", "vcpus", "ram", "created_at")
    columns = [tenant.c.uuid.label("tenant"), *(instance.c[name] for name in names)]
    columns.append(local_disk().label("disk"))
    statement = visible_tenants(*columns, everything=query.everything)
    return statement.join(instance, instance.c.tenant_id == tenant.c.id)


def _load(_db: Database, _scope: Scope, rows: Sequence[Row[Any]]) -> list[StoredInstance]:
    return [_instance(row) for row in rows]


def _instance(row: Row[Any]) -> StoredInstance:
    return StoredInstance(
        uuid=row.uuid,
        tenant=row.tenant,
        name=row.name,
        status=row.status,
        vcpus=row.vcpus,
        ram=row.ram,
        disk=row.disk,
        created_at=row.created_at,
    )


def _owned_by(owner: Table) -> Condition:
    """Return the filter by uuids of the projects or customers that own the tenants."""
    owners = tenant.join(project, project.c.id == tenant.c.project_id)
    owners = owners.join(customer, customer.c.id == project.c.customer_id)

    def condition(rows: Subquery, uuids: Sequence[str]) -> ColumnElement[bool]:
        tenants = select(tenant.c.uuid).select_from(owners).where(owner.c.uuid.in_(uuids))
        of_tenants: ColumnElement[bool] = rows.c.tenant.in_(tenants)
        return of_tenants

    return condition


INSTANCES = Listing(
    _select, _load, conditions={"project": _owned_by(project), "customer": _owned_by(customer)}
)
