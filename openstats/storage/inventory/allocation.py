"""What servers had while they existed, to the second; those that ended lately are included.

Amounts are times seconds, by tenant (Keystone id); what volumes take is in ``volumes``.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    bindparam,
    case,
    delete,
    select,
    true,
    update,
)

from openstats.model import Cloud, Departure
from openstats.storage.dialects import upsert, whole_sum
from openstats.storage.inventory.root_disks import local_disk
from openstats.storage.registry import tenants
from openstats.storage.schema import tables
from openstats.storage.schema.instances import ended_instance

instance, tenant = tables.instance, tables.tenant

SAME_SERVER = (instance.c.cloud_id == ended_instance.c.cloud_id) & (
    instance.c.uuid == ended_instance.c.uuid
)

Amount = tuple[int, int, int]
"""vCPU-seconds, and MiB-seconds of memory and of disk."""

Amounts = dict[str, Amount]
"""Amounts by tenant (Keystone id)."""

NOTHING: Amount = (0, 0, 0)
FIGURES = ("vcpus", "ram", "disk", "created_at")


def write_ended(db: Connection, cloud: Cloud, departures: Sequence[Departure], now: int) -> None:
    """Keep servers that were deleted until readings have counted them.

    Of those that are not deleted here yet it is known whether their root was on a volume, and when
    they changed last; others that are kept were reported before. Nothing ended later than ``now``,
    whatever the cloud's clock says.
    """
    ends = {one.last: min(one.ended_at, now) for one in departures if one.last}
    row_ids = tenants.rows_of(db, cloud, {server.tenant for server in ends}, now)
    uuids = [server.uuid for server in ends]
    pieces, alive = _pieces(db, cloud, uuids), _alive(db, cloud, uuids)
    _put_aside(db, cloud, [pieces[uuid] for uuid in pieces.keys() & alive.keys()])
    rows = []
    for server, ended_at in ends.items():
        row = {"cloud_id": cloud.id, "uuid": server.uuid, "tenant_id": row_ids[server.tenant]}
        row |= {name: getattr(server, name) for name in FIGURES} | {"ended_at": ended_at}
        if present := alive.get(server.uuid):
            row |= {"disk": present.local, "created_at": _since(present, pieces)}
        elif server.uuid in pieces:
            continue
        rows.append(row)
    upsert(db, ended_instance, rows)


def write_changed(db: Connection, cloud: Cloud, moments: Mapping[str, int]) -> None:
    """Keep what servers (uuids) had until they changed: as they are now they count from then on."""
    pieces = _pieces(db, cloud, list(moments))
    alive = _alive(db, cloud, list(moments))
    _put_aside(db, cloud, pieces.values())
    rows = []
    for uuid, server in alive.items():
        row = {"cloud_id": cloud.id, "uuid": uuid, "tenant_id": server.tenant_id}
        row |= {"vcpus": server.vcpus, "ram": server.ram, "disk": server.local}
        rows.append(row | {"created_at": _since(server, pieces), "ended_at": moments[uuid]})
    upsert(db, ended_instance, rows)


def _since(server: Any, pieces: Mapping[str, Any]) -> int:
    """Return since when a server has been as it is."""
    piece = pieces.get(server.uuid)
    return int(max(server.created_at, piece.ended_at) if piece else server.created_at)


def _pieces(db: Connection, cloud: Cloud, uuids: Sequence[str]) -> dict[str, Any]:
    """Return the latest ended piece of servers, by uuid."""
    rows = select(ended_instance).where(ended_instance.c.cloud_id == cloud.id)
    return _by_uuid(db, rows.where(ended_instance.c.uuid.in_(uuids)))


def _alive(db: Connection, cloud: Cloud, uuids: Sequence[str]) -> dict[str, Any]:
    """Return those of the servers that exist, by uuid, with their ``local`` disk."""
    rows = select(instance, local_disk().label("local")).where(instance.c.cloud_id == cloud.id)
    return _by_uuid(db, rows.where(instance.c.uuid.in_(uuids)))


def _by_uuid(db: Connection, rows: Select[Any]) -> dict[str, Any]:
    return {row.uuid: row for row in db.execute(rows)}


def _put_aside(db: Connection, cloud: Cloud, pieces: Collection[Any]) -> None:
    """Keep earlier pieces of servers under new uuids: a server has one piece, its latest."""
    if pieces:
        of_cloud = ended_instance.c.cloud_id == cloud.id
        statement = update(ended_instance).where(
            of_cloud, ended_instance.c.uuid == bindparam("piece")
        )
        rows = [{"piece": row.uuid, "new_uuid": str(uuid4())} for row in pieces]
        db.execute(statement.values(uuid=bindparam("new_uuid")), rows)


def forget_ended(db: Connection, cloud: Cloud, moment: int) -> None:
    """Delete servers that ended before a moment."""
    of_cloud = ended_instance.c.cloud_id == cloud.id
    db.execute(delete(ended_instance).where(of_cloud, ended_instance.c.ended_at < moment))


def between(db: Connection, cloud: Cloud, start: int, end: int) -> Amounts:
    """Return what the servers of a cloud had in ``[start, end)``, each while it existed.

    One that changed, or was restored, counts as it was until then, and as it is from then on::

        time            start                                end
        exists now        |----------[ created or changed ....|....
        ended             |..........] ended                  |
    """
    alive = _amounts(db, instance, cloud, _seconds(_changed_at(), start, end), local_disk(), true())
    lifetime = _seconds(ended_instance.c.created_at, start, _ended_at(end))
    recent = ended_instance.c.ended_at > start
    ended = _amounts(db, ended_instance, cloud, lifetime, ended_instance.c.disk, recent)
    sums = dict(alive)
    for tenant_id, amount in ended.items():
        sums[tenant_id] = _sum(sums.get(tenant_id, NOTHING), amount)
    return sums


def _sum(first: Amount, second: Amount) -> Amount:
    return first[0] + second[0], first[1] + second[1], first[2] + second[2]


def _changed_at() -> ColumnElement[int]:
    """Return, as an expression, since when a server has been as it is."""
    created_at, changed_at = instance.c.created_at, ended_instance.c.ended_at
    return case((changed_at > created_at, changed_at), else_=created_at)


def _ended_at(end: int) -> ColumnElement[int]:
    return case((ended_instance.c.ended_at < end, ended_instance.c.ended_at), else_=end)


def _seconds(begin: ColumnElement[int], start: int, end: Any) -> ColumnElement[int]:
    """Return, as an expression, for how long of ``[start, end)`` a server existed."""
    first = case((begin > start, begin), else_=start)
    return case((first < end, end - first), else_=0)


def _amounts(
    db: Connection,
    table: Table,
    cloud: Cloud,
    seconds: ColumnElement[int],
    disk: ColumnElement[int],
    condition: ColumnElement[bool],
) -> Amounts:
    """Return the sums over servers by tenant.

    ::

        SELECT tenant.tenant_id, sum(vcpus * <seconds>), sum(ram * <seconds>), sum(disk * <seconds>)
        FROM tenant JOIN instance ON instance.tenant_id = tenant.id
        LEFT JOIN ended_instance ON <the same server, before it changed>
        WHERE tenant.cloud_id = :cloud GROUP BY tenant.tenant_id
    """
    sums = [whole_sum(figure * seconds) for figure in (table.c.vcpus, table.c.ram, disk)]
    rows = select(tenant.c.tenant_id, *sums).join(table, table.c.tenant_id == tenant.c.id)
    if table is instance:
        rows = rows.outerjoin(ended_instance, SAME_SERVER)
    rows = rows.where(tenant.c.cloud_id == cloud.id, condition).group_by(tenant.c.tenant_id)
    return {row[0]: (row[1], row[2], row[3]) for row in db.execute(rows)}
