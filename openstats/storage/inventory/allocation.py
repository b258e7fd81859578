"""Allocation of servers over time, to the second, including servers that ended recently.

Amounts are multiplied by seconds and summed by tenant (Keystone id). The use of volumes is in
``volumes``. In this module, a piece is a period in which a server did not change.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    ColumnElement,
    RowMapping,
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
from openstats.storage.store import Database

instance, tenant = tables.instance, tables.tenant

SAME_SERVER = (instance.c.cloud_id == ended_instance.c.cloud_id) & (
    instance.c.uuid == ended_instance.c.uuid
)

Amount = tuple[int, int, int]
"""vCPU-seconds, MiB-seconds of memory, and MiB-seconds of disk."""

Amounts = dict[str, Amount]
"""Amounts by tenant (Keystone id)."""

NO_AMOUNT: Amount = (0, 0, 0)
COPIED_FIELDS = ("vcpus", "ram", "disk", "created_at")


def write_ended(db: Database, cloud: Cloud, departures: Sequence[Departure], now: int) -> None:
    """Store servers that were deleted, until the readings have counted them.

    For a server that is still in the table ``instance``, this row says whether its root disk is on
    a volume and when it last changed. A server that is only in ``ended_instance`` was reported
    before, and is skipped. No end is later than ``now``, even if the cloud's clock is ahead.
    """
    ends = {one.last: min(one.ended_at, now) for one in departures if one.last}
    row_ids = tenants.rows_of(db, cloud, {server.tenant for server in ends}, now)
    uuids = [server.uuid for server in ends]
    pieces, alive = _pieces(db, cloud, uuids), _alive(db, cloud, uuids)
    _put_aside(db, cloud, [pieces[uuid] for uuid in pieces.keys() & alive.keys()])
    rows = []
    for server, ended_at in ends.items():
        row = {"cloud_id": cloud.id, "uuid": server.uuid, "tenant_id": row_ids[server.tenant]}
        row |= {name: getattr(server, name) for name in COPIED_FIELDS} | {"ended_at": ended_at}
        if present := alive.get(server.uuid):
            row |= {"disk": present["local"], "created_at": _since(present, pieces)}
        elif server.uuid in pieces:
            continue
        rows.append(row)
    upsert(db, ended_instance, rows)


def write_changed(db: Database, cloud: Cloud, moments: Mapping[str, int]) -> None:
    """Store what servers (uuids) had until they changed; their present row counts from then on.

    ``moments`` says when each server changed.
    """
    pieces = _pieces(db, cloud, list(moments))
    alive = _alive(db, cloud, list(moments))
    _put_aside(db, cloud, pieces.values())
    rows = []
    for uuid, server in alive.items():
        row = {"cloud_id": cloud.id, "uuid": uuid, "tenant_id": server["tenant_id"]}
        row |= {"vcpus": server["vcpus"], "ram": server["ram"], "disk": server["local"]}
        rows.append(row | {"created_at": _since(server, pieces), "ended_at": moments[uuid]})
    upsert(db, ended_instance, rows)


def _since(server: RowMapping, pieces: Mapping[str, RowMapping]) -> int:
    """Return the time since which a server has been unchanged."""
    piece = pieces.get(server["uuid"])
    created_at: int = server["created_at"]
    return max(created_at, piece["ended_at"]) if piece else created_at


def _pieces(db: Database, cloud: Cloud, uuids: Sequence[str]) -> dict[str, RowMapping]:
    """Return the latest ended piece of each server, by uuid."""
    rows = select(ended_instance).where(ended_instance.c.cloud_id == cloud.id)
    return _by_uuid(db, rows.where(ended_instance.c.uuid.in_(uuids)))


def _alive(db: Database, cloud: Cloud, uuids: Sequence[str]) -> dict[str, RowMapping]:
    """Return the servers that exist, by uuid, with their ``local`` disk in MiB."""
    rows = select(instance, local_disk().label("local")).where(instance.c.cloud_id == cloud.id)
    return _by_uuid(db, rows.where(instance.c.uuid.in_(uuids)))


def _by_uuid(db: Database, rows: Select[Any]) -> dict[str, RowMapping]:
    return {row["uuid"]: row for row in db.execute(rows).mappings()}


def _put_aside(db: Database, cloud: Cloud, pieces: Collection[RowMapping]) -> None:
    """Move earlier pieces of servers to new uuids: only the latest piece has the server's uuid."""
    if pieces:
        of_cloud = ended_instance.c.cloud_id == cloud.id
        statement = update(ended_instance).where(
            of_cloud, ended_instance.c.uuid == bindparam("piece")
        )
        rows = [{"piece": row["uuid"], "new_uuid": str(uuid4())} for row in pieces]
        db.execute(statement.values(uuid=bindparam("new_uuid")), rows)


def forget_ended(db: Database, cloud: Cloud, moment: int) -> None:
    """Delete servers and pieces that ended before a moment."""
    of_cloud = ended_instance.c.cloud_id == cloud.id
    db.execute(delete(ended_instance).where(of_cloud, ended_instance.c.ended_at < moment))


def between(db: Database, cloud: Cloud, start: int, end: int) -> Amounts:
    """Return what the servers of a cloud had in ``[start, end)``, while they existed.

    A server that was changed or restored counts with its old values until then, and with its
    present values from then on::

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
        sums[tenant_id] = _sum(sums.get(tenant_id, NO_AMOUNT), amount)
    return sums


def _sum(first: Amount, second: Amount) -> Amount:
    return first[0] + second[0], first[1] + second[1], first[2] + second[2]


def _changed_at() -> ColumnElement[int]:
    """Return an expression for the time since which a server has been unchanged."""
    created_at, changed_at = instance.c.created_at, ended_instance.c.ended_at
    return case((changed_at > created_at, changed_at), else_=created_at)


def _ended_at(end: int) -> ColumnElement[int]:
    return case((ended_instance.c.ended_at < end, ended_instance.c.ended_at), else_=end)


def _seconds(
    begin: ColumnElement[int], start: int, end: ColumnElement[int] | int
) -> ColumnElement[int]:
    """Return an expression for the seconds of ``[start, end)`` that come after ``begin``."""
    first = case((begin > start, begin), else_=start)
    return case((first < end, end - first), else_=0)


def _amounts(
    db: Database,
    table: Table,
    cloud: Cloud,
    seconds: ColumnElement[int],
    disk: ColumnElement[int],
    condition: ColumnElement[bool],
) -> Amounts:
    """Return the sums over servers by tenant (Keystone id).

    ::

        SELECT tenant.tenant_id, sum(vcpus * <seconds>), sum(ram * <seconds>), sum(disk * <seconds>)
        FROM tenant JOIN instance ON instance.tenant_id = tenant.id
        LEFT JOIN ended_instance ON <the same server, before it changed>
        WHERE tenant.cloud_id = :cloud GROUP BY tenant.tenant_id
    """
    sums = [whole_sum(figure * seconds) for figure in (table.c.vcpus, table.c.ram, disk)]
    rows = select(tenant.c.keystone_id, *sums).join(table, table.c.tenant_id == tenant.c.id)
    if table is instance:
        rows = rows.outerjoin(ended_instance, SAME_SERVER)
    rows = rows.where(tenant.c.cloud_id == cloud.id, condition).group_by(tenant.c.keystone_id)
    return {tenant_id: (vcpus, ram, local) for tenant_id, vcpus, ram, local in db.execute(rows)}
