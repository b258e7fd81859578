"""Block storage: what each tenant has of volumes and snapshots."""

from collections.abc import Mapping
from dataclasses import astuple, fields

from sqlalchemy import Connection, select

from openstats.model import Cloud, VolumeUse
from openstats.storage import schema, tenants
from openstats.storage.upsert import upsert

tenant, volume_use = schema.tenant, schema.volume_use

NOTHING = VolumeUse(0, 0, 0, 0)
COLUMNS = [field.name for field in fields(VolumeUse)][:4]


def write(db: Connection, cloud: Cloud, found: Mapping[str, VolumeUse], now: int) -> set[int]:
    """Write a complete sweep (by Keystone id); give the tenants (row ids) whose use changed."""
    rows = tenants.rows_of(db, cloud, found, now)
    before = _use(db, cloud)
    after = {rows[key]: astuple(use)[:4] for key, use in found.items()}
    nothing = astuple(NOTHING)[:4]
    changed = {
        row
        for row in before.keys() | after.keys()
        if before.get(row, nothing) != after.get(row, nothing)
    }
    values = [dict(zip(COLUMNS, after.get(row, nothing), strict=True)) for row in sorted(changed)]
    upsert(
        db,
        volume_use,
        [{"tenant_id": row} | v for row, v in zip(sorted(changed), values, strict=True)],
    )
    return changed


def gigabytes(db: Connection, cloud: Cloud) -> dict[str, int]:
    """Give GiB of volumes, attached or not, by tenant (Keystone id)."""
    held = select(tenant.c.tenant_id, volume_use.c.gigabytes)
    held = held.join(volume_use, volume_use.c.tenant_id == tenant.c.id)
    return {row[0]: row[1] for row in db.execute(held.where(tenant.c.cloud_id == cloud.id))}


def _use(db: Connection, cloud: Cloud) -> dict[int, tuple[int, ...]]:
    mine = select(volume_use).join(tenant, tenant.c.id == volume_use.c.tenant_id)
    return {row[0]: tuple(row[1:]) for row in db.execute(mine.where(tenant.c.cloud_id == cloud.id))}
