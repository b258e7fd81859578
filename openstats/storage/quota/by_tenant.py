"""The row of each tenant's quotas: its figures, and when they are due to be read again."""

from collections.abc import Iterable, Iterator, Mapping

from sqlalchemy import RowMapping, bindparam, case, select, update

from openstats.meters import QUOTA_NAMES, QUOTAS
from openstats.model import Cloud, Quota, VolumeTypeQuota
from openstats.storage.access.visibility import project, quota, tenant, tenant_is_counted
from openstats.storage.quota.volume_types import encode
from openstats.storage.schema.tables import customer
from openstats.storage.store import Database

Quotas = Mapping[str, Quota]
"""A tenant's quotas by the name of the meter in ``meters.QUOTAS``."""

VolumeTypes = Mapping[str, VolumeTypeQuota]
"""A tenant's quotas by volume type."""


def of_cloud(db: Database, cloud: Cloud) -> Iterator[tuple[int, str | None, dict[str, Quota]]]:
    """Yield each tenant's row id, its customer's uuid and those of its quotas that are known.

    The uuid is None for a tenant that is linked to no project. Tenants that do not count are
    missing.
    """
    owners = tenant.join(quota, quota.c.tenant_id == tenant.c.id)
    owners = owners.outerjoin(project, project.c.id == tenant.c.project_id)
    owners = owners.outerjoin(customer, customer.c.id == project.c.customer_id)
    rows = select(quota, customer.c.uuid).select_from(owners)
    of_cloud = rows.where(tenant.c.cloud_id == cloud.id, tenant_is_counted)
    for row in db.execute(of_cloud).mappings():
        yield row["tenant_id"], row["uuid"], _known_quotas(row)


def _known_quotas(row: RowMapping) -> dict[str, Quota]:
    quotas = {}
    for name in QUOTA_NAMES:
        limit, in_use = row[f"{name}_limit"], row[f"{name}_in_use"]
        if limit is not None and in_use is not None:
            quotas[name] = Quota(limit, in_use)
    return quotas


def due(db: Database, cloud: Cloud, now: int) -> list[tuple[int, str]]:
    """Return the tenants (row id, Keystone id) whose quotas are due, the longest overdue first."""
    rows = select(tenant.c.id, tenant.c.keystone_id).join(quota, quota.c.tenant_id == tenant.c.id)
    rows = rows.where(tenant.c.cloud_id == cloud.id, tenant.c.deleted_at.is_(None))
    rows = rows.where(tenant.c.project_id.is_not(None), quota.c.due_at <= now)
    return [*map(tuple, db.execute(rows.order_by(quota.c.due_at, tenant.c.id)))]


def make_due(db: Database, tenants: Iterable[int], now: int) -> None:
    """Make the quotas of these tenants (row ids) due now.

    Quotas that are already due get the new time as well: a reading that is under way can then
    detect that it began too early.
    """
    rows = [{"tenant": tenant_id, "now": now} for tenant_id in sorted(set(tenants))]
    if rows:
        statement = update(quota).where(quota.c.tenant_id == bindparam("tenant"))
        db.execute(statement.values(due_at=bindparam("now")), rows)


def make_cloud_due(db: Database, cloud: Cloud, now: int) -> None:
    """Make the quotas of all tenants of a cloud due."""
    tenants = select(tenant.c.id).where(tenant.c.cloud_id == cloud.id)
    db.execute(update(quota).where(quota.c.tenant_id.in_(tenants)).values(due_at=now))


def record(
    db: Database,
    tenant_id: int,
    quotas: Quotas,
    *,
    now: int,
    due_at: int,
    error: str | None,
    asked_at: int | None = None,
    volume_types: VolumeTypes | None = None,
) -> None:
    """Write the quotas of a tenant; services that did not answer keep their last figures.

    A tenant that was made due after ``asked_at``, when the reading began, stays due: the reading
    may have missed the change.
    """
    values: dict[str, object] = {"due_at": due_at, "error": error}
    if asked_at is not None:
        values["due_at"] = case((quota.c.due_at > asked_at, quota.c.due_at), else_=due_at)
    for meter in QUOTAS:
        if meter.name in quotas:
            values[f"{meter.service}_at"] = now
            values[f"{meter.name}_limit"] = quotas[meter.name].limit
            values[f"{meter.name}_in_use"] = quotas[meter.name].in_use
    if volume_types is not None:
        values["volume_types"] = encode(volume_types)
    db.execute(update(quota).where(quota.c.tenant_id == tenant_id).values(values))
