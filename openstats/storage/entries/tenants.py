"""Tenants as lists show them, with their cloud, project and quotas."""

from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, select

from openstats.meters import QUOTA_NAMES, SERVICES
from openstats.model import Scope
from openstats.storage.access.visibility import tenant_in_scope, visible_tenant
from openstats.storage.entries.pagination import Entry, Listing
from openstats.storage.quota import volume_types
from openstats.storage.schema import tables
from openstats.storage.store import Database

cloud, tenant, project, quota = tables.cloud, tables.tenant, tables.project, tables.quota


def visible_tenants(*columns: Any, everything: bool) -> Select[Any]:
    """Select columns of the visible tenants with their clouds and projects.

    A caller who does not see everything sees only tenants that are linked to a project.
    """
    statement = _with_projects(*columns)
    return statement if everything else statement.where(visible_tenant(everything=False))


def _with_projects(*columns: Any) -> Select[Any]:
    tenants = tenant.join(cloud, cloud.c.id == tenant.c.cloud_id)
    tenants = tenants.outerjoin(project, project.c.id == tenant.c.project_id)
    return select(*columns).select_from(tenants)


def _rows(everything: bool) -> Select[Any]:
    """Select the visible tenants that exist."""
    statement = _with_figures().where(tenant.c.deleted_at.is_(None))
    return statement if everything else statement.where(visible_tenant(everything=False))


def _past_rows(everything: bool) -> Select[Any]:
    """Select all tenants in the scope, including deleted ones and those of deleted projects."""
    statement = _with_figures()
    return statement if everything else statement.where(tenant_in_scope())


def _with_figures() -> Select[Any]:
    columns: list[ColumnElement[Any]] = [
        tenant.c.uuid,
        tenant.c.keystone_id.label("tenant_id"),
        tenant.c.name,
        tenant.c.enabled,
        tenant.c.deleted_at,
    ]
    columns += [cloud.c.uuid.label("cloud"), project.c.uuid.label("project")]
    columns.append(_oldest().label("collected_at"))
    for name in QUOTA_NAMES:
        columns += [quota.c[f"{name}_limit"], quota.c[f"{name}_in_use"]]
    statement = _with_projects(*columns, quota.c.volume_types)
    return statement.outerjoin(quota, quota.c.tenant_id == tenant.c.id)


def _oldest() -> ColumnElement[Any]:
    """Return an expression for the older of the times when the services' quotas were read.

    It is NULL if none was read.
    """
    compute, volume = (quota.c[f"{service}_at"] for service in SERVICES)
    return case((compute < volume, compute), else_=func.coalesce(volume, compute))


def _with_quotas(_db: Database, _scope: Scope, entries: list[Entry]) -> list[Entry]:
    """Move the columns of the quotas into a mapping by name."""
    for entry in entries:
        figures: Entry = {}
        for name in QUOTA_NAMES:
            limit, in_use = entry.pop(f"{name}_limit"), entry.pop(f"{name}_in_use")
            figures[name] = {"limit": limit, "in_use": in_use}
        figures["volume_types"] = volume_types.decode(entry.pop("volume_types"))
        entry["quota"] = figures
    return entries


TENANTS = Listing(_rows, _with_quotas, past=_past_rows, lasting=True)
"""A deleted tenant is still found by its uuid, because its past can be linked to a project."""


def uuids(db: Database, kind: str) -> set[str]:
    """Return the uuids of the customers, projects or tenants that exist."""
    table = tables.metadata.tables[kind]
    return set(db.scalars(select(table.c.uuid).where(table.c.deleted_at.is_(None))))
