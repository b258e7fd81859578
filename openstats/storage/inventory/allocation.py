"""What servers had while they existed, to the second, those that ended lately included.

Amounts are times seconds, by tenant (Keystone id); what volumes take is in ``volumes``.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    bindparam,
    case,
    delete,
    select,
    update,
)

from openstats.model import Cloud, Departure, Instance
from openstats.storage.dialects import upsert, whole_sum
from openstats.storage.inventory.root_disks import local_disk
from openstats.storage.registry import tenants
from openstats.storage.schema import tables
from openstats.storage.schema.instances import ended_instance

instance, tenant = tables.instance, tables.tenant

SAME = (instance.c.cloud_id == ended_instance.c.cloud_id) & (
    instance.c.uuid == ended_instance.c.uuid
)

Amounts = dict[str, tuple[int, int, int]]
"""vCPU-seconds, and MiB-seconds of memory and of disk, by tenant."""


def write_ended(db: Connection, cloud: Cloud, gone: Sequence[Departure], now: int) -> None:
    """Keep servers that were deleted until readings have counted them.

    Of those that are not deleted here yet it is known whether their root was on a volume, and when
    they changed last; others that are kept were told of before. Nothing ended later than ``now``,
    whatever the cloud's clock says.
    """
    shown = [(one.last, min(one.ended_at, now)) for one in gone if one.last]
    rows = tenants.rows_of(db, cloud, {last.tenant for last, _ in shown}, now)
    uuids = [last.uuid for last, _ in shown]
    pieces, alive = _pieces(db, cloud, uuids), _alive(db, cloud, uuids)
    _put_aside(db, cloud, [pieces[uuid] for uuid in pieces.keys() & alive.keys()])
    values = [_values(cloud, last, ended_at, rows[last.tenant]) for last, ended_at in shown]
    for row in values:
        if known := alive.get(row["uuid"]):
            row["disk"] = known.local
            row["created_at"] = _since(known, pieces)
    upsert(db, ended_instance, [v for v in values if v["uuid"] in alive or v["uuid"] not in pieces])


def write_changed(db: Connection, cloud: Cloud, moments: Mapping[str, int]) -> None:
    """Keep what servers (uuids) had until they changed: as they are now they count from then on."""
    pieces = _pieces(db, cloud, list(moments))
    alive = _alive(db, cloud, list(moments))
    _put_aside(db, cloud, pieces.values())
    names = ("cloud_id", "uuid", "tenant_id", "vcpus", "ram")
    rows = [
        {name: getattr(row, name) for name in names}
        | {"disk": row.local, "created_at": _since(row, pieces), "ended_at": moments[uuid]}
        for uuid, row in alive.items()
    ]
    upsert(db, ended_instance, rows)


def _since(row: Any, pieces: Mapping[str, Any]) -> int:
    """Return since when a server has been as it is."""
    piece = pieces.get(row.uuid)
    return int(max(row.created_at, piece.ended_at) if piece else row.created_at)


def _pieces(db: Connection, cloud: Cloud, uuids: Sequence[str]) -> dict[str, Any]:
    wanted = ended_instance.c.cloud_id == cloud.id, ended_instance.c.uuid.in_(uuids)
    return {row.uuid: row for row in db.execute(select(ended_instance).where(*wanted))}


def _alive(db: Connection, cloud: Cloud, uuids: Sequence[str]) -> dict[str, Any]:
    wanted = instance.c.cloud_id == cloud.id, instance.c.uuid.in_(uuids)
    found = select(instance, local_disk().label("local")).where(*wanted)
    return {row.uuid: row for row in db.execute(found)}


def _put_aside(db: Connection, cloud: Cloud, pieces: Collection[Any]) -> None:
    """Keep earlier pieces of servers under uuids of nobody: a server has one, its latest."""
    own = ended_instance.c.cloud_id == cloud.id, ended_instance.c.uuid == bindparam("piece")
    if pieces:
        moved = update(ended_instance).where(*own).values(uuid=bindparam("other"))
        db.execute(moved, [{"piece": row.uuid, "other": str(uuid4())} for row in pieces])


def _values(cloud: Cloud, last: Instance, ended_at: int, tenant_row: int) -> dict[str, Any]:
    figures = {name: getattr(last, name) for name in ("vcpus", "ram", "disk", "created_at")}
    key = {"cloud_id": cloud.id, "uuid": last.uuid, "tenant_id": tenant_row}
    return key | figures | {"ended_at": ended_at}


def forget_ended(db: Connection, cloud: Cloud, before: int) -> None:
    """Delete servers that ended before a moment."""
    mine = ended_instance.c.cloud_id == cloud.id
    db.execute(delete(ended_instance).where(mine, ended_instance.c.ended_at < before))


def between(db: Connection, cloud: Cloud, start: int, end: int) -> Amounts:
    """Return what the servers of a cloud had in ``[start, end)``, each while it existed.

    One that changed, or was restored, counts as it was until then, and as it is from then on.
    """
    alive = _sums(db, instance, cloud, _seconds(_changed_at(), start, end), local_disk())
    lately = _seconds(ended_instance.c.created_at, start, _ended_at(end))
    wanted = ended_instance.c.ended_at > start
    ended = _sums(db, ended_instance, cloud, lately, ended_instance.c.disk, wanted)
    nothing = (0, 0, 0)
    return {
        key: _added(alive.get(key, nothing), ended.get(key, nothing))
        for key in alive.keys() | ended.keys()
    }


def _added(one: tuple[int, int, int], other: tuple[int, int, int]) -> tuple[int, int, int]:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


def _changed_at() -> ColumnElement[int]:
    """Return since when a server has been as it is."""
    created, changed = instance.c.created_at, ended_instance.c.ended_at
    return case((changed > created, changed), else_=created)


def _ended_at(end: int) -> ColumnElement[int]:
    return case((ended_instance.c.ended_at < end, ended_instance.c.ended_at), else_=end)


def _seconds(begin: ColumnElement[int], start: int, end: Any) -> ColumnElement[int]:
    """Return for how long of ``[start, end)`` a server existed."""
    first = case((begin > start, begin), else_=start)
    return case((first < end, end - first), else_=0)


def _sums(
    db: Connection,
    table: Table,
    cloud: Cloud,
    seconds: ColumnElement[int],
    disk: ColumnElement[int],
    *wanted: ColumnElement[bool],
) -> Amounts:
    sums = [whole_sum(held * seconds) for held in (table.c.vcpus, table.c.ram, disk)]
    amounts = select(tenant.c.tenant_id, *sums).join(table, table.c.tenant_id == tenant.c.id)
    if table is instance:
        amounts = amounts.outerjoin(ended_instance, SAME)
    amounts = amounts.where(tenant.c.cloud_id == cloud.id, *wanted).group_by(tenant.c.tenant_id)
    return {row[0]: (row[1], row[2], row[3]) for row in db.execute(amounts)}
