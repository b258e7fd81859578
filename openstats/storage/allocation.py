"""What servers had while they existed, to the second, those that ended lately included.

Amounts are times seconds, by tenant (Keystone id); what volumes take is in ``volumes``.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, case, delete, exists, select

from openstats.model import Cloud, Departure, Instance
from openstats.storage import schema, tenants
from openstats.storage.membership import whole_sum
from openstats.storage.roots import local_disk
from openstats.storage.server_schema import ended_instance
from openstats.storage.upsert import upsert

instance, tenant = schema.instance, schema.tenant

Amounts = dict[str, tuple[int, int, int]]
"""vCPU-seconds, and MiB-seconds of memory and of disk, by tenant."""


def write_ended(db: Connection, cloud: Cloud, gone: Sequence[Departure], now: int) -> None:
    """Keep servers that were deleted until readings have counted them.

    Of those that are not deleted here yet it is known whether their root was on a volume.
    """
    shown = [(one.last, one.ended_at) for one in gone if one.last]
    rows = tenants.rows_of(db, cloud, {last.tenant for last, _ in shown}, now)
    values = [_values(cloud, last, ended_at, rows[last.tenant]) for last, ended_at in shown]
    disks = _disks(db, cloud, [last.uuid for last, _ in shown])
    for row in values:
        row["disk"] = disks.get(row["uuid"], row["disk"])
    upsert(db, ended_instance, values)


def _disks(db: Connection, cloud: Cloud, uuids: Sequence[str]) -> dict[str, int]:
    wanted = instance.c.cloud_id == cloud.id, instance.c.uuid.in_(uuids)
    rows = db.execute(select(instance.c.uuid, local_disk()).where(*wanted))
    return {row[0]: row[1] for row in rows}


def _values(cloud: Cloud, last: Instance, ended_at: int, tenant_row: int) -> dict[str, Any]:
    figures = {name: getattr(last, name) for name in ("vcpus", "ram", "disk", "created_at")}
    key = {"cloud_id": cloud.id, "uuid": last.uuid, "tenant_id": tenant_row}
    return key | figures | {"ended_at": ended_at}


def forget_ended(db: Connection, cloud: Cloud, before: int) -> None:
    """Delete servers that ended before a moment."""
    mine = ended_instance.c.cloud_id == cloud.id
    db.execute(delete(ended_instance).where(mine, ended_instance.c.ended_at < before))


def between(db: Connection, cloud: Cloud, start: int, end: int) -> Amounts:
    """Return what the servers of a cloud had in ``[start, end)``, each while it existed."""
    alive = _sums(db, instance, cloud, _seconds(instance, start, end), instance.c.uuid.is_not(None))
    # Who restored one that was deleted softly has it in both tables.
    again = exists().where(
        instance.c.cloud_id == ended_instance.c.cloud_id,
        instance.c.uuid == ended_instance.c.uuid,
    )
    lately = ~again & (ended_instance.c.ended_at > start)
    ended = _sums(db, ended_instance, cloud, _seconds(ended_instance, start, end), lately)
    nothing = (0, 0, 0)
    return {
        key: _added(alive.get(key, nothing), ended.get(key, nothing))
        for key in alive.keys() | ended.keys()
    }


def _added(one: tuple[int, int, int], other: tuple[int, int, int]) -> tuple[int, int, int]:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


def _seconds(table: Table, start: int, end: int) -> ColumnElement[int]:
    """Return how long a server existed in ``[start, end)``."""
    created = table.c.created_at
    first = case((created > start, created), else_=start)
    last: Any = end
    if "ended_at" in table.c:
        last = case((table.c.ended_at < end, table.c.ended_at), else_=end)
    return case((first < last, last - first), else_=0)


def _sums(
    db: Connection,
    table: Table,
    cloud: Cloud,
    seconds: ColumnElement[int],
    wanted: ColumnElement[bool],
) -> Amounts:
    disk = local_disk() if table is instance else table.c.disk
    sums = [whole_sum(held * seconds) for held in (table.c.vcpus, table.c.ram, disk)]
    amounts = select(tenant.c.tenant_id, *sums).join(table, table.c.tenant_id == tenant.c.id)
    amounts = amounts.where(tenant.c.cloud_id == cloud.id, wanted).group_by(tenant.c.tenant_id)
    return {row[0]: (row[1], row[2], row[3]) for row in db.execute(amounts)}
