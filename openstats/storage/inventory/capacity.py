"""Capacity: what a cloud's hypervisors have, and the Placement providers it is read from."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from functools import cache
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    bindparam,
    case,
    delete,
    exists,
    false,
    insert,
    null,
    select,
    true,
    update,
)

from openstats.meters import CAPACITY
from openstats.model import Capacity, Cloud, Inventory, Provider
from openstats.storage.schema import tables
from openstats.storage.schema.clouds import cloud_url

capacity, cloud = tables.capacity, tables.cloud
provider, inventory = tables.provider, tables.inventory

COLUMNS = [field.name for field in fields(Provider) if field.name != "inventories"]
TOUCHED = 0
DISK = "DISK_GB"


@cache
def _at(narrowed: bool) -> Select[Any]:
    found = (
        select(cloud.c.id.label("cloud_id"), capacity)
        .join(cloud_url, cloud_url.c.cloud_id == cloud.c.id)
        .outerjoin(capacity, capacity.c.cloud_id == cloud.c.id)
        .where(cloud_url.c.url == bindparam("url"))
    )
    return found.where(cloud.c.region == bindparam("region")) if narrowed else found


def at(db: Connection, url: str, region: str | None) -> dict[int, tuple[Capacity, int] | None]:
    """Give, by cloud, the capacity and when it was read; None where it never was.

    ``url`` is in its compared form. No cloud at all: nobody registered that URL.
    """
    values = {"url": url} | ({"region": region} if region else {})
    return {row[0]: _capacity(row) for row in db.execute(_at(bool(region)), values)}


def regions(db: Connection, url: str) -> list[str]:
    """Return the regions of an auth_url, in its compared form, by name."""
    known = select(cloud_url.c.cloud_id).where(cloud_url.c.url == url)
    chosen = select(cloud.c.region).where(cloud.c.id.in_(known)).distinct()
    return list(db.scalars(chosen.order_by(cloud.c.region)))


def by_cloud(db: Connection) -> dict[int, tuple[Capacity, int]]:
    """Give, by cloud, the capacity and when it was read; those never read are not in it."""
    found = {row.cloud_id: _capacity(row) for row in db.execute(select(capacity))}
    return {owner: figures for owner, figures in found.items() if figures is not None}


HELD = (provider.c.cloud_id == inventory.c.cloud_id) & (provider.c.uuid == inventory.c.provider)


def inventories(db: Connection) -> dict[str, dict[str | None, list[Inventory]]]:
    """Give, by cloud (uuid) and availability zone, what providers have that are not disabled."""
    figures = (inventory.c[field.name] for field in fields(Inventory))
    chosen = select(cloud.c.uuid, provider.c.zone, *figures).join(provider, HELD)
    chosen = chosen.join(cloud, cloud.c.id == inventory.c.cloud_id).where(~provider.c.disabled)
    found: dict[str, dict[str | None, list[Inventory]]] = {}
    for owner, zone, *held in db.execute(chosen):
        found.setdefault(owner, {}).setdefault(zone, []).append(Inventory(*held))
    return found


def disk_shared() -> Any:
    """Make the column of a cloud that says whether its disk is counted more than once, or shared.

    True where clouds.yaml says so, or a sharing provider has disk; NULL where none is known.
    """
    mine = provider.c.cloud_id == cloud.c.id
    disk = mine & HELD & provider.c.sharing & (inventory.c.resource_class == DISK)
    known = case((exists().where(mine), false()), else_=null())
    return case((cloud.c.disk_shared | exists().where(disk), true()), else_=known)


def _capacity(row: Any) -> tuple[Capacity, int] | None:
    if row.collected_at is None:
        return None
    figures = {name: getattr(row, name) for name in (*CAPACITY, "source")}
    return Capacity(**figures), row.collected_at


def record(db: Connection, owner: Cloud, figures: Capacity, now: int) -> None:
    """Write what a cloud's hypervisors have."""
    db.execute(delete(capacity).where(capacity.c.cloud_id == owner.id))
    db.execute(insert(capacity).values(cloud_id=owner.id, collected_at=now, **asdict(figures)))


def providers(db: Connection, owner: Cloud) -> dict[str, Provider]:
    """Give the providers as they were last read, by uuid."""
    held: dict[str, list[Inventory]] = {}
    for row in db.execute(select(inventory).where(inventory.c.cloud_id == owner.id)):
        held.setdefault(row.provider, []).append(Inventory(*row[2:]))
    rows = db.execute(select(provider).where(provider.c.cloud_id == owner.id))
    return {row.uuid: _provider(row, tuple(held.get(row.uuid, ()))) for row in rows}


def _provider(row: Any, inventories: tuple[Inventory, ...]) -> Provider:
    figures = {name: getattr(row, name) for name in COLUMNS}
    return Provider(**figures, inventories=inventories)


def record_providers(db: Connection, owner: Cloud, found: Sequence[Provider], now: int) -> None:
    """Write all providers of a cloud; what was touched since it was read stays so."""
    mine = provider.c.cloud_id == owner.id
    touched = set(db.scalars(select(provider.c.uuid).where(mine, provider.c.read_at == TOUCHED)))
    db.execute(delete(provider).where(mine))
    db.execute(delete(inventory).where(inventory.c.cloud_id == owner.id))
    rows = [{"cloud_id": owner.id} | {name: getattr(p, name) for name in COLUMNS} for p in found]
    for row in rows:
        if row["uuid"] in touched and row["read_at"] < now:
            row["read_at"] = TOUCHED
    if rows:
        db.execute(insert(provider), rows)
    _record_inventories(db, owner, found)


def _record_inventories(db: Connection, owner: Cloud, found: Iterable[Provider]) -> None:
    rows = [
        {"cloud_id": owner.id, "provider": p.uuid, **asdict(i)}
        for p in found
        for i in p.inventories
    ]
    if rows:
        db.execute(insert(inventory), rows)


def touch(db: Connection, owner: Cloud, hosts: Iterable[str]) -> None:
    """Have the providers of hypervisors read again: a server came or went.

    Placement's generation tells of most changes, but not of allocations that were deleted.
    """
    named = provider.c.cloud_id == owner.id, provider.c.name.in_(sorted(hosts))
    db.execute(update(provider).where(*named).values(read_at=TOUCHED))
