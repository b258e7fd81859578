"""Instances: the servers of all clouds, written page by page as the collector reads them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import Connection, delete, exists, func, select, update

from openstats.model import Changes, Cloud, Instance
from openstats.storage.alerts import closing
from openstats.storage.dialects import upsert
from openstats.storage.inventory import allocation
from openstats.storage.registry import tenants
from openstats.storage.schema import tables

instance, tenant = tables.instance, tables.tenant

SAMPLE = 100
"""Servers that are looked for in other clouds, before all are."""

FIELDS = [field.name for field in fields(Instance) if field.name != "updated_at"]
HELD = ("tenant_id", "vcpus", "ram", "disk")
"""What usage counts of a server."""
COMPARED = (*HELD, "status", "host")


def write(
    db: Connection, cloud: Cloud, found: Sequence[Instance], *, seen: int, now: int
) -> Changes:
    """Write servers that exist; tell where something changed.

    Nothing was created later than ``now``, whatever the cloud's clock says.
    """
    rows = tenants.rows_of(db, cloud, {server.tenant for server in found}, now)
    before = _rows(db, cloud, [server.uuid for server in found])
    values = [_values(cloud, server, rows[server.tenant], seen) for server in found]
    for row in values:
        known = before.get(row["uuid"])
        row["created_at"] = min(row["created_at"], known.created_at if known else now)
    resized = {v["uuid"] for v in values if _differs(before.get(v["uuid"], v), v, HELD)}
    moments = {s.uuid: min(s.updated_at or now, now) for s in found if s.uuid in resized}
    allocation.write_changed(db, cloud, moments)
    upsert(db, instance, values)
    changed = [v for v in values if _differs(before.get(v["uuid"]), v, COMPARED)]
    left = [before[v["uuid"]]._mapping for v in changed if v["uuid"] in before]
    return _changes([*changed, *left])


def _changes(rows: Iterable[Mapping[Any, Any]]) -> Changes:
    listed = list(rows)
    hosts = {row["host"] for row in listed if row["host"]}
    return Changes(frozenset(row["tenant_id"] for row in listed), frozenset(hosts))


def _values(cloud: Cloud, server: Instance, tenant_row: int, seen: int) -> dict[str, Any]:
    figures = asdict(server)
    del figures["tenant"], figures["updated_at"]
    return figures | {"cloud_id": cloud.id, "tenant_id": tenant_row, "seen": seen}


def _differs(row: Any, values: dict[str, Any], names: Iterable[str]) -> bool:
    before = row if row is None or isinstance(row, dict) else row._mapping
    return before is None or any(before[name] != values[name] for name in names)


def _rows(db: Connection, cloud: Cloud, uuids: Sequence[str]) -> dict[str, Any]:
    wanted = instance.c.cloud_id == cloud.id, instance.c.uuid.in_(uuids)
    return {row.uuid: row for row in db.execute(select(instance).where(*wanted))}


def remove(db: Connection, cloud: Cloud, uuids: Iterable[str], *, now: int) -> Changes:
    """Forget servers that are gone, and end their alerts; return where they were."""
    gone = list(_rows(db, cloud, list(uuids)).values())
    if gone:
        mine = instance.c.cloud_id == cloud.id, instance.c.uuid.in_([row.uuid for row in gone])
        db.execute(delete(instance).where(*mine))
        closing.close_of_instances(db, cloud.id, [row.uuid for row in gone], now)
    return _changes(row._mapping for row in gone)


def remove_all(db: Connection, cloud: Cloud) -> Changes:
    """Forget all servers of a cloud; tell where they were."""
    mine = instance.c.cloud_id == cloud.id
    changes = _changes(row._mapping for row in db.execute(select(instance).where(mine)))
    db.execute(delete(instance).where(mine))
    return changes


def twins(db: Connection, cloud: Cloud) -> list[tuple[str, int, str]]:
    """Return by name which clouds have servers of a cloud, how many, and the uuid of one."""
    sample = select(instance.c.uuid).where(instance.c.cloud_id == cloud.id)
    few = list(db.scalars(sample.order_by(instance.c.uuid).limit(SAMPLE)))
    twin, owner = instance.alias("twin"), tables.cloud
    same = (twin.c.cloud_id == owner.c.id) & twin.c.uuid.in_(few) & (owner.c.id != cloud.id)
    clouds = select(owner.c.id, owner.c.name).where(exists().where(same)).order_by(owner.c.name)
    return [(name, *_common(db, cloud, row)) for row, name in db.execute(clouds).all()]


def _common(db: Connection, cloud: Cloud, other: int) -> tuple[int, str]:
    """Return how many servers two clouds have in common, and the uuid of one."""
    twin = instance.alias("twin")
    same = (twin.c.cloud_id == other) & (twin.c.uuid == instance.c.uuid)
    counted = select(func.count(), func.min(instance.c.uuid)).join(twin, same)
    row = db.execute(counted.where(instance.c.cloud_id == cloud.id)).one()
    return row[0], row[1]


def unseen(db: Connection, cloud: Cloud, seen: int) -> list[str]:
    """List the servers that the full sweep of time ``seen`` did not show."""
    missed = instance.c.cloud_id == cloud.id, instance.c.seen < seen
    return list(db.scalars(select(instance.c.uuid).where(*missed).order_by(instance.c.uuid)))


def keep(db: Connection, cloud: Cloud, uuids: Iterable[str], seen: int) -> None:
    """Note that the full sweep of time ``seen`` showed servers that could not be read."""
    shown = instance.c.cloud_id == cloud.id, instance.c.uuid.in_(list(uuids))
    db.execute(update(instance).where(*shown).values(seen=seen))


def number(db: Connection, cloud: Cloud) -> int:
    """Return how many servers there are."""
    mine = instance.c.cloud_id == cloud.id
    return db.scalar(select(func.count()).select_from(instance).where(mine)) or 0


def numbers(db: Connection, cloud: Cloud) -> dict[int, int]:
    """Return how many servers there are, by tenant (row ids)."""
    counted = select(instance.c.tenant_id, func.count()).where(instance.c.cloud_id == cloud.id)
    return {row[0]: row[1] for row in db.execute(counted.group_by(instance.c.tenant_id))}


def uuids(db: Connection, cloud: Cloud, among: Sequence[str]) -> set[str]:
    """Return which servers among these are known."""
    return set(_rows(db, cloud, among))


def hosts(db: Connection, cloud: Cloud) -> set[str]:
    """Return the hypervisors on which servers are, by name."""
    placed = instance.c.cloud_id == cloud.id, instance.c.host != ""
    return set(db.scalars(select(instance.c.host).where(*placed).distinct()))


def running(db: Connection, cloud: Cloud) -> list[Instance]:
    """List the servers that are running; their tenants by Keystone id."""
    columns = [tenant.c.tenant_id if name == "tenant" else instance.c[name] for name in FIELDS]
    found = select(*columns).join(tenant, tenant.c.id == instance.c.tenant_id)
    found = found.where(tenant.c.cloud_id == cloud.id, instance.c.status == "ACTIVE")
    return [Instance(*row) for row in db.execute(found)]


def first_created(db: Connection, cloud: Cloud) -> dict[int, int]:
    """Give the creation of each tenant's earliest server, by tenant row."""
    oldest = select(instance.c.tenant_id, func.min(instance.c.created_at)).where(
        instance.c.cloud_id == cloud.id
    )
    return {row[0]: row[1] for row in db.execute(oldest.group_by(instance.c.tenant_id))}


def first_of_unmet(db: Connection, cloud: Cloud) -> dict[str, int]:
    """Return the creation of the first server of each tenant (Keystone id) not discovered yet."""
    owner = tenant.join(instance, instance.c.tenant_id == tenant.c.id)
    oldest = select(tenant.c.tenant_id, func.min(instance.c.created_at)).select_from(owner)
    grouped = oldest.where(tenants.unmet_of(cloud)).group_by(tenant.c.tenant_id)
    return {row[0]: row[1] for row in db.execute(grouped)}
