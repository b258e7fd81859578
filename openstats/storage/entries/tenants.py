"""What discovery and polls found, as it is shown: tenants and instances."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, case, func, select

from openstats.meters import QUOTA_NAMES, SERVICES
from openstats.model import Scope
from openstats.storage import volume_types
from openstats.storage.access.visibility import tenant_in_scope, visible_tenant
from openstats.storage.entries.pagination import Condition, Entry, Listing
from openstats.storage.inventory.root_disks import local_disk
from openstats.storage.schema import tables

cloud, job, instance = tables.cloud, tables.job, tables.instance
tenant, project, quota = tables.tenant, tables.project, tables.quota
customer = tables.customer


def seen_tenants(everything: bool, *columns: Any) -> Select[Any]:
    """Select from tenants with their projects and clouds; who sees not all, sees linked ones."""
    chosen = _joined(*columns)
    return chosen if everything else chosen.where(visible_tenant(everything=False))


def _joined(*columns: Any) -> Select[Any]:
    joined = tenant.join(cloud, cloud.c.id == tenant.c.cloud_id)
    joined = joined.outerjoin(project, project.c.id == tenant.c.project_id)
    return select(*columns).select_from(joined)


def uuids(db: Connection, kind: str) -> set[str]:
    """Return the uuids of the customers, projects or tenants that exist."""
    table = tables.metadata.tables[kind]
    return set(db.scalars(select(table.c.uuid).where(table.c.deleted_at.is_(None))))


def _oldest() -> ColumnElement[Any]:
    """Say since when the figures are known: the older of the services' dates that there are."""
    compute, volume = (quota.c[f"{service}_at"] for service in SERVICES)
    return case((compute < volume, compute), else_=func.coalesce(volume, compute))


def _tenants(everything: bool) -> Select[Any]:
    """Select the tenants that exist."""
    chosen = _with_figures().where(tenant.c.deleted_at.is_(None))
    return chosen if everything else chosen.where(visible_tenant(everything=False))


def _past_tenants(everything: bool) -> Select[Any]:
    """Select all tenants, also those that are gone, or of which the project was deleted."""
    chosen = _with_figures()
    return chosen if everything else chosen.where(tenant_in_scope())


def _with_figures() -> Select[Any]:
    figures = [quota.c[f"{name}_{part}"] for name in QUOTA_NAMES for part in ("limit", "in_use")]
    own = (tenant.c[name] for name in ("uuid", "tenant_id", "name", "enabled", "deleted_at"))
    linked = cloud.c.uuid.label("cloud"), project.c.uuid.label("project")
    figures.append(quota.c.volume_types)
    chosen = _joined(*own, *linked, _oldest().label("collected_at"), *figures)
    return chosen.outerjoin(quota, quota.c.tenant_id == tenant.c.id)


def _with_quota(_db: Connection, _scope: Scope, entries: list[Entry]) -> list[Entry]:
    return [_folded(entry) for entry in entries]


def _folded(entry: Entry) -> Entry:
    """Make a mapping of the quotas' columns."""
    figures: Entry = {
        name: {part: entry.pop(f"{name}_{part}") for part in ("limit", "in_use")}
        for name in QUOTA_NAMES
    }
    figures["volume_types"] = volume_types.decode(entry.pop("volume_types"))
    return entry | {"quota": figures}


def _instances(everything: bool) -> Select[Any]:
    names = ("uuid", "name", "status", "vcpus", "ram", "created_at")
    own = *(instance.c[name] for name in names), local_disk().label("disk")
    columns = tenant.c.uuid.label("tenant"), *own
    return seen_tenants(everything, *columns).join(instance, instance.c.tenant_id == tenant.c.id)


TENANTS = Listing(_tenants, _with_quota, past=_past_tenants, lasting=True)
"""Those that are gone are still found by their uuids: their past can be given to a project."""


def _of(owner: Table) -> Condition:
    """Make the filter of instances by the uuid of what owns their tenants."""
    owners = tenant.join(project, project.c.id == tenant.c.project_id)
    owners = owners.join(customer, customer.c.id == project.c.customer_id)

    def condition(rows: Any, uuids: Sequence[Any]) -> Any:
        owned = select(tenant.c.uuid).select_from(owners).where(owner.c.uuid.in_(uuids))
        return rows.c.tenant.in_(owned)

    return condition


INSTANCES = Listing(_instances, conditions={"project": _of(project), "customer": _of(customer)})
