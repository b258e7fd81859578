"""Block storage: the volumes and snapshots that each tenant has."""

from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from operator import lt
from typing import Any

from sqlalchemy import ColumnElement, Select, select

from openstats.model import Cloud, VolumeUse
from openstats.storage.dialects import upsert, whole_sum
from openstats.storage.inventory import volume_changes
from openstats.storage.registry import tenants
from openstats.storage.schema import tables
from openstats.storage.store import Database

tenant, volume_use = tables.tenant, tables.volume_use

Use = tuple[int, ...]
"""The values of the columns in USE_COLUMNS."""

USE_COLUMNS = [field.name for field in fields(VolumeUse)][:4]
GIGABYTES = USE_COLUMNS.index("gigabytes")
NO_USE: Use = (0, 0, 0, 0)


@dataclass(frozen=True)
class Exemptions:
    """Tenants whose use must not change: ``tenants`` (Keystone ids) with unreadable volumes.

    ``rises_only``: the owners of unreadable volumes are unknown, so no tenant's use may fall.
    """

    tenants: frozenset[str] = frozenset()
    rises_only: bool = False

    def hold(self, tenant_id: str, old: Use, new: Use) -> bool:
        """Return whether the stored use of a tenant stays."""
        falls = any(map(lt, new, old))
        return tenant_id in self.tenants or (self.rises_only and falls)


NO_EXEMPTIONS = Exemptions()


def write(
    db: Database,
    cloud: Cloud,
    use_by_tenant: Mapping[str, VolumeUse],
    now: int,
    *,
    exemptions: Exemptions = NO_EXEMPTIONS,
    first: bool = False,
) -> set[int]:
    """Write a full sync (by Keystone id); return the tenants (row ids) whose use changed.

    The use before the ``first`` full sync is unknown: usage counts what the first one found.
    """
    row_ids = tenants.rows_of(db, cloud, use_by_tenant, now)
    old = _use(db, cloud)
    new = {tenant_id: astuple(use)[:4] for tenant_id, use in use_by_tenant.items()}
    changes = _changes(old, new, exemptions)
    rows = []
    for tenant_id in sorted(changes, key=row_ids.__getitem__):
        figures = dict(zip(USE_COLUMNS, changes[tenant_id], strict=True))
        rows.append({"tenant_id": row_ids[tenant_id]} | figures)
    upsert(db, volume_use, rows)
    if changes and not first:
        gained = {
            key: use[GIGABYTES] - old.get(key, NO_USE)[GIGABYTES] for key, use in changes.items()
        }
        volume_changes.note(db, cloud, now, gained)
    return {row_ids[tenant_id] for tenant_id in changes}


def _changes(
    old: Mapping[str, Use], new: Mapping[str, Use], exemptions: Exemptions
) -> dict[str, Use]:
    """Return the new use of each tenant (Keystone id) whose use changes."""
    changes = {}
    for tenant_id in old.keys() | new.keys():
        old_use, new_use = old.get(tenant_id, NO_USE), new.get(tenant_id, NO_USE)
        is_exempt = tenant_id in old and exemptions.hold(tenant_id, old_use, new_use)
        if new_use != old_use and not is_exempt:
            changes[tenant_id] = new_use
    return changes


def _rows_of(cloud: Cloud, *columns: ColumnElement[Any]) -> Select[Any]:
    """Select columns of the tenants of a cloud that appeared in a full sync."""
    rows = select(*columns).select_from(volume_use)
    return rows.join(tenant, tenant.c.id == volume_use.c.tenant_id).where(
        tenant.c.cloud_id == cloud.id
    )


def numbers(db: Database, cloud: Cloud) -> tuple[int, int]:
    """Return the number of volumes and of snapshots of a cloud."""
    columns = volume_use.c.volumes, volume_use.c.snapshots
    volumes, snapshots = db.execute(_rows_of(cloud, *map(whole_sum, columns))).one()
    return volumes, snapshots


def gigabytes(db: Database, cloud: Cloud) -> dict[str, int]:
    """Return the GiB of volumes, attached or not, by tenant (Keystone id)."""
    rows = _rows_of(cloud, tenant.c.keystone_id, volume_use.c.gigabytes)
    return dict(db.execute(rows).all())


def gigabytes_by_row(db: Database, cloud: Cloud) -> dict[int, int]:
    """Return the GiB of volumes, attached or not, by tenant (row id)."""
    rows = _rows_of(cloud, volume_use.c.tenant_id, volume_use.c.gigabytes)
    return dict(db.execute(rows).all())


def _use(db: Database, cloud: Cloud) -> dict[str, Use]:
    columns = [volume_use.c[name] for name in USE_COLUMNS]
    rows = db.execute(_rows_of(cloud, tenant.c.keystone_id, *columns))
    return {tenant_id: tuple(use) for tenant_id, *use in rows}
