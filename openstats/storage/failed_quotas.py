"""Tenants whose quotas could not be read, or believed, when they were asked for last."""

from typing import NamedTuple

from sqlalchemy import Connection, func, select

from openstats.model import Cloud
from openstats.storage.coverage import quotas_known
from openstats.storage.schema.tables import quota, tenant


class QuotaFailures(NamedTuple):
    """The number of tenants that failed, of how many, and one reason.

    ``known`` says how many of all have quotas of both services, be they old.
    """

    tenants: int
    total: int
    known: int
    reason: str


def of_cloud(db: Connection, cloud: Cloud) -> QuotaFailures:
    """Return the number of tenants of a cloud whose last reading was not complete."""
    columns = (
        func.count(quota.c.error),
        func.count(),
        func.count().filter(quotas_known),
        func.coalesce(func.min(quota.c.error), ""),
    )
    linked = select(*columns).join(tenant, tenant.c.id == quota.c.tenant_id)
    linked = linked.where(tenant.c.cloud_id == cloud.id, tenant.c.deleted_at.is_(None))
    row = db.execute(linked.where(tenant.c.project_id.is_not(None))).one()
    return QuotaFailures(*row)
