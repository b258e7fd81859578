"""Tenants whose quotas could not be read, or were implausible, when they were last requested."""

from typing import NamedTuple

from sqlalchemy import func, select

from openstats.model import Cloud
from openstats.storage.coverage import quotas_known
from openstats.storage.schema.tables import quota, tenant
from openstats.storage.store import Database


class QuotaFailures(NamedTuple):
    """The number of tenants with an error, the number of all tenants, and one of the errors.

    ``known`` is the number of tenants whose quotas of both services have been read, at any time.
    """

    tenants: int
    total: int
    known: int
    reason: str


def of_cloud(db: Database, cloud: Cloud) -> QuotaFailures:
    """Return how many linked tenants of a cloud had an incomplete last quota reading, and why."""
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
