"""Tenants whose quotas could not be read, or believed, when they were asked for last."""

from typing import NamedTuple

from sqlalchemy import Connection, func, select

from openstats.model import Cloud
from openstats.storage.quota import known
from openstats.storage.schema.tables import quota, tenant


class Unread(NamedTuple):
    """How many tenants these are, of how many, and one reason.

    ``known`` says how many have quotas of both services, be they old.
    """

    tenants: int
    total: int
    known: int
    reason: str


def of_cloud(db: Connection, cloud: Cloud) -> Unread:
    """Count the tenants of a cloud whose last reading was not in full."""
    numbers = func.count(quota.c.error), func.count(), func.count().filter(known)
    row = db.execute(
        select(*numbers, func.min(quota.c.error))
        .join(tenant, tenant.c.id == quota.c.tenant_id)
        .where(tenant.c.cloud_id == cloud.id, tenant.c.deleted_at.is_(None))
        .where(tenant.c.project_id.is_not(None))
    ).one()
    return Unread(row[0], row[1], row[2], row[3] or "")
