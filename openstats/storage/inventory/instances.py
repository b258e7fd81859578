"""Instances: the servers of all clouds, written page by page as the collector reads them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import delete, exists, func, select, update

from openstats.model import Changes, Cloud, Instance
from openstats.storage.alerts import closing
from openstats.storage.dialects import upsert
from openstats.storage.inventory import allocation
from openstats.storage.registry import tenants
from openstats.storage.schema import tables
from openstats.storage.store import Database

instance, tenant = tables.instance, tables.tenant

SAMPLE_SIZE = 100
"""The number of servers that are looked up in other clouds first; only on a match are all
compared."""

STORED_FIELDS = [field.name for field in fields(Instance) if field.name != "updated_at"]
COUNTED = ("tenant_id", "vcpus", "ram", "disk")
"""The columns that usage depends on."""
COMPARED = (*COUNTED, "status", "host")

Row = Mapping[Any, Any]


def write(
    db: Database, cloud: Cloud, servers: Sequence[Instance], *, seen: int, now: int
) -> Changes:
    """Write servers that exist; return the tenants and hosts where something changed.

    No creation time is later than ``now``, even if the cloud's clock is ahead.
    """
    row_ids = tenants.rows_of(db, cloud, {server.tenant for server in servers}, now)
    old = _rows(db, cloud, [server.uuid for server in servers])
    new = [_row(cloud, server, row_ids[server.tenant], seen) for server in servers]
    for row in new:
        latest = old[row["uuid"]]["created_at"] if row["uuid"] in old else now
        row["created_at"] = min(row["created_at"], latest)
    allocation.write_changed(db, cloud, _resized(old, new, servers, now))
    upsert(db, instance, new)
    return _changes_between(old, new)


def _resized(
    old: Mapping[str, Row], new: Iterable[Row], servers: Iterable[Instance], now: int
) -> dict[str, int]:
    """Return the servers (uuids) whose counted columns changed, and when."""
    moments = {}
    for row, server in zip(new, servers, strict=True):
        previous = old.get(server.uuid)
        if previous is not None and _differ(previous, row, COUNTED):
            moments[server.uuid] = min(server.updated_at or now, now)
    return moments


def _row(cloud: Cloud, server: Instance, tenant_row: int, seen: int) -> dict[str, Any]:
    figures = asdict(server)
    del figures["tenant"], figures["updated_at"]
    return figures | {"cloud_id": cloud.id, "tenant_id": tenant_row, "seen": seen}


def _differ(old: Row, new: Row, names: Iterable[str]) -> bool:
    return any(old[name] != new[name] for name in names)


def _changes_between(old: Mapping[str, Row], new: Iterable[Row]) -> Changes:
    """Return the tenants and hosts of new and changed servers, including those that they left."""
    rows: list[Row] = []
    for row in new:
        previous = old.get(row["uuid"])
        if previous is None:
            rows.append(row)
        elif _differ(previous, row, COMPARED):
            rows += [row, previous]
    return _changes(rows)


def _changes(rows: Collection[Row]) -> Changes:
    hosts = {row["host"] for row in rows if row["host"]}
    return Changes(frozenset(row["tenant_id"] for row in rows), frozenset(hosts))


def _rows(db: Database, cloud: Cloud, uuids: Sequence[str]) -> dict[str, Row]:
    """Return the rows of these servers by uuid; unknown servers are missing."""
    of_uuids = instance.c.cloud_id == cloud.id, instance.c.uuid.in_(uuids)
    return {row.uuid: row._mapping for row in db.execute(select(instance).where(*of_uuids))}


def remove(db: Database, cloud: Cloud, uuids: Iterable[str], *, now: int) -> Changes:
    """Delete servers that ended, and close their alerts; return their tenants and hosts."""
    rows = _rows(db, cloud, list(uuids))
    if rows:
        of_cloud = instance.c.cloud_id == cloud.id
        db.execute(delete(instance).where(of_cloud, instance.c.uuid.in_(list(rows))))
        closing.close_of_instances(db, cloud.id, list(rows), now)
    return _changes(rows.values())


def remove_all(db: Database, cloud: Cloud) -> Changes:
    """Delete all servers of a cloud; return their tenants and hosts."""
    of_cloud = instance.c.cloud_id == cloud.id
    changes = _changes([row._mapping for row in db.execute(select(instance).where(of_cloud))])
    db.execute(delete(instance).where(of_cloud))
    return changes


def twins(db: Database, cloud: Cloud) -> list[tuple[str, int, str]]:
    """Return the clouds that have servers of this cloud: name, number of servers, uuid of one."""
    sample = select(instance.c.uuid).where(instance.c.cloud_id == cloud.id)
    uuids = list(db.scalars(sample.order_by(instance.c.uuid).limit(SAMPLE_SIZE)))
    twin, owner = instance.alias("twin"), tables.cloud
    in_cloud = (twin.c.cloud_id == owner.c.id) & twin.c.uuid.in_(uuids)
    clouds = select(owner.c.id, owner.c.name).where(owner.c.id != cloud.id)
    clouds = clouds.where(exists().where(in_cloud)).order_by(owner.c.name)
    return [(name, *_common(db, cloud, row_id)) for row_id, name in db.execute(clouds).all()]


def _common(db: Database, cloud: Cloud, twin_id: int) -> tuple[int, str]:
    """Return the number of servers that a cloud shares with another (row id), and one uuid."""
    twin = instance.alias("twin")
    in_both = (twin.c.cloud_id == twin_id) & (twin.c.uuid == instance.c.uuid)
    rows = select(func.count(), func.min(instance.c.uuid)).join(twin, in_both)
    number, uuid = db.execute(rows.where(instance.c.cloud_id == cloud.id)).one()
    return number, uuid


def unseen(db: Database, cloud: Cloud, seen: int) -> list[str]:
    """Return the servers (uuids) that the full sync at time ``seen`` did not list."""
    rows = select(instance.c.uuid).where(instance.c.cloud_id == cloud.id, instance.c.seen < seen)
    return list(db.scalars(rows.order_by(instance.c.uuid)))


def keep(db: Database, cloud: Cloud, uuids: Iterable[str], seen: int) -> None:
    """Record that the full sync at time ``seen`` listed servers, but that they were unreadable."""
    of_uuids = instance.c.cloud_id == cloud.id, instance.c.uuid.in_(list(uuids))
    db.execute(update(instance).where(*of_uuids).values(seen=seen))


def number(db: Database, cloud: Cloud) -> int:
    """Return the number of servers of a cloud."""
    of_cloud = instance.c.cloud_id == cloud.id
    return db.scalar(select(func.count()).select_from(instance).where(of_cloud)) or 0


def numbers(db: Database, cloud: Cloud) -> dict[int, int]:
    """Return the number of servers by tenant (row id)."""
    rows = select(instance.c.tenant_id, func.count()).where(instance.c.cloud_id == cloud.id)
    return dict(db.execute(rows.group_by(instance.c.tenant_id)).all())


def uuids(db: Database, cloud: Cloud, among: Sequence[str]) -> set[str]:
    """Return which of these servers are known."""
    return set(_rows(db, cloud, among))


def hosts(db: Database, cloud: Cloud) -> set[str]:
    """Return the names of the hypervisors that have servers."""
    with_host = instance.c.cloud_id == cloud.id, instance.c.host != ""
    return set(db.scalars(select(instance.c.host).where(*with_host).distinct()))


def running(db: Database, cloud: Cloud) -> list[Instance]:
    """Return the servers with the status ACTIVE; their tenants are Keystone ids."""
    columns = [
        tenant.c.keystone_id if name == "tenant" else instance.c[name] for name in STORED_FIELDS
    ]
    rows = select(*columns).join(tenant, tenant.c.id == instance.c.tenant_id)
    rows = rows.where(tenant.c.cloud_id == cloud.id, instance.c.status == "ACTIVE")
    return [Instance(*row) for row in db.execute(rows)]


def first_created(db: Database, cloud: Cloud) -> dict[int, int]:
    """Return the creation time of each tenant's earliest server, by tenant (row id)."""
    rows = select(instance.c.tenant_id, func.min(instance.c.created_at))
    rows = rows.where(instance.c.cloud_id == cloud.id).group_by(instance.c.tenant_id)
    return dict(db.execute(rows).all())


def first_of_unmet(db: Database, cloud: Cloud) -> dict[str, int]:
    """Return the creation time of the earliest server of each tenant that is not discovered yet.

    Tenants are Keystone ids.
    """
    rows = select(tenant.c.keystone_id, func.min(instance.c.created_at))
    rows = rows.join(instance, instance.c.tenant_id == tenant.c.id)
    rows = rows.where(tenants.unmet_of(cloud)).group_by(tenant.c.keystone_id)
    return dict(db.execute(rows).all())
