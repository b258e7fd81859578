"""Block storage: what each tenant has of volumes and snapshots."""

from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields

from sqlalchemy import Connection, select

from openstats.model import Cloud, VolumeUse
from openstats.storage.dialects import upsert, whole_sum
from openstats.storage.inventory import volume_changes
from openstats.storage.registry import tenants
from openstats.storage.schema import tables

tenant, volume_use = tables.tenant, tables.volume_use

Use = tuple[int, ...]
"""The values of COLUMNS."""

NOTHING = VolumeUse(0, 0, 0, 0)
COLUMNS = [field.name for field in fields(VolumeUse)][:4]


@dataclass(frozen=True)
class Kept:
    """Whose use stays as it was: tenants (Keystone ids) of whose things some could not be read.

    ``rises_only``: it is not known whose these are, so that nobody's use falls.
    """

    tenants: frozenset[str] = frozenset()
    rises_only: bool = False

    def holds(self, tenant_key: str, before: Use, after: Use) -> bool:
        """Return whether a use stays as it was before."""
        falls = any(new < old for new, old in zip(after, before, strict=True))
        return tenant_key in self.tenants or (self.rises_only and falls)


NOBODY = Kept()


def write(
    db: Connection,
    cloud: Cloud,
    found: Mapping[str, VolumeUse],
    now: int,
    *,
    kept: Kept = NOBODY,
    first: bool = False,
) -> set[int]:
    """Write a complete sweep (by Keystone id); return the tenants (row ids) whose use changed.

    What was there before the ``first`` one is not known: usage counts what that one shows.
    """
    rows = tenants.rows_of(db, cloud, found, now)
    keys = {row: key for key, row in rows.items()}
    before = _use(db, cloud)
    after = {rows[key]: astuple(use)[:4] for key, use in found.items()}
    nothing = astuple(NOTHING)[:4]
    changed = {
        row: use
        for row in before.keys() | after.keys()
        if (use := after.get(row, nothing)) != before.get(row, nothing)
        and not (row in before and kept.holds(keys[row], before[row], use))
    }
    values = [
        {"tenant_id": row} | dict(zip(COLUMNS, changed[row], strict=True))
        for row in sorted(changed)
    ]
    upsert(db, volume_use, values)
    if changed and not first:
        size = COLUMNS.index("gigabytes")
        gained = {
            keys[row]: use[size] - before.get(row, nothing)[size] for row, use in changed.items()
        }
        volume_changes.note(db, cloud, now, gained)
    return set(changed)


def numbers(db: Connection, cloud: Cloud) -> tuple[int, int]:
    """Return how many volumes and snapshots there are."""
    sums = [whole_sum(volume_use.c[name]) for name in ("volumes", "snapshots")]
    mine = select(*sums).join(tenant, tenant.c.id == volume_use.c.tenant_id)
    row = db.execute(mine.where(tenant.c.cloud_id == cloud.id)).one()
    return row[0] or 0, row[1] or 0


def gigabytes(db: Connection, cloud: Cloud) -> dict[str, int]:
    """Give GiB of volumes, attached or not, by tenant (Keystone id)."""
    held = select(tenant.c.tenant_id, volume_use.c.gigabytes)
    held = held.join(volume_use, volume_use.c.tenant_id == tenant.c.id)
    return {row[0]: row[1] for row in db.execute(held.where(tenant.c.cloud_id == cloud.id))}


def held(db: Connection, cloud: Cloud) -> dict[int, int]:
    """Return GiB of volumes by tenant (row)."""
    sizes = select(volume_use.c.tenant_id, volume_use.c.gigabytes)
    mine = sizes.join(tenant, tenant.c.id == volume_use.c.tenant_id)
    return {row[0]: row[1] for row in db.execute(mine.where(tenant.c.cloud_id == cloud.id))}


def _use(db: Connection, cloud: Cloud) -> dict[int, Use]:
    mine = select(volume_use).join(tenant, tenant.c.id == volume_use.c.tenant_id)
    return {row[0]: tuple(row[1:]) for row in db.execute(mine.where(tenant.c.cloud_id == cloud.id))}
