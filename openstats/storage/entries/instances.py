"""Instances as lists show them: the existing servers of visible tenants."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, select

from openstats.storage.entries.pagination import Condition, Listing
from openstats.storage.entries.tenants import visible_tenants
from openstats.storage.inventory.root_disks import local_disk
from openstats.storage.schema import tables

tenant, project, customer = tables.tenant, tables.project, tables.customer
instance = tables.instance


def _rows(everything: bool) -> Select[Any]:
    names = ("uuid", "name", "status", "vcpus", "ram", "created_at")
    columns = [tenant.c.uuid.label("tenant"), *(instance.c[name] for name in names)]
    statement = visible_tenants(*columns, local_disk().label("disk"), everything=everything)
    return statement.join(instance, instance.c.tenant_id == tenant.c.id)


def _owned_by(owner: Table) -> Condition:
    """Return the filter by uuids of the projects or customers that own the tenants."""
    owners = tenant.join(project, project.c.id == tenant.c.project_id)
    owners = owners.join(customer, customer.c.id == project.c.customer_id)

    def condition(rows: Any, uuids: Sequence[str]) -> ColumnElement[bool]:
        tenants = select(tenant.c.uuid).select_from(owners).where(owner.c.uuid.in_(uuids))
        of_tenants: ColumnElement[bool] = rows.c.tenant.in_(tenants)
        return of_tenants

    return condition


INSTANCES = Listing(
    _rows, conditions={"project": _owned_by(project), "customer": _owned_by(customer)}
)
