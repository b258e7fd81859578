"""Placement's resource providers: one for each hypervisor, with its inventory by resource class."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields, replace

from sqlalchemy import (
    ColumnElement,
    RowMapping,
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

from openstats.model import Cloud, Inventory, Provider
from openstats.storage.schema import tables
from openstats.storage.store import Database

cloud, provider, inventory = tables.cloud, tables.provider, tables.inventory

PROVIDER_FIELDS = [field.name for field in fields(Provider) if field.name != "inventories"]
INVENTORY_COLUMNS = [inventory.c[field.name] for field in fields(Inventory)]
TOUCHED = 0
"""The value of ``read_at`` of a provider that has to be read again."""

DISK = "DISK_GB"

OF_PROVIDER = (provider.c.cloud_id == inventory.c.cloud_id) & (
    provider.c.uuid == inventory.c.provider
)


def inventories(db: Database) -> dict[str, dict[str | None, list[Inventory]]]:
    """Return, by cloud (uuid) and availability zone, the inventories of enabled providers."""
    rows = select(cloud.c.uuid, provider.c.zone, *INVENTORY_COLUMNS).join(provider, OF_PROVIDER)
    rows = rows.join(cloud, cloud.c.id == inventory.c.cloud_id).where(~provider.c.disabled)
    clouds: defaultdict[str, dict[str | None, list[Inventory]]] = defaultdict(dict)
    for uuid, zone, *figures in db.execute(rows):
        clouds[uuid].setdefault(zone, []).append(Inventory(*figures))
    return dict(clouds)


def disk_shared() -> ColumnElement[bool | None]:
    """Return an expression for whether a cloud's disk is shared, or counted more than once.

    It is true if clouds.yaml says so or a sharing provider has disk, and NULL if no provider is
    known.
    """
    of_cloud = provider.c.cloud_id == cloud.c.id
    is_disk = inventory.c.resource_class == DISK
    shared = exists().where(of_cloud, OF_PROVIDER, provider.c.sharing, is_disk)
    unshared = case((exists().where(of_cloud), false()), else_=null())
    return case((cloud.c.disk_shared | shared, true()), else_=unshared)


def by_uuid(db: Database, cloud: Cloud) -> dict[str, Provider]:
    """Return the providers of a cloud by uuid, as they were last read."""
    by_provider: defaultdict[str, list[Inventory]] = defaultdict(list)
    columns = select(inventory.c.provider, *INVENTORY_COLUMNS).where(
        inventory.c.cloud_id == cloud.id
    )
    for uuid, *figures in db.execute(columns):
        by_provider[uuid].append(Inventory(*figures))
    rows = db.execute(select(provider).where(provider.c.cloud_id == cloud.id)).mappings()
    return {row["uuid"]: _provider(row, by_provider[row["uuid"]]) for row in rows}


def _provider(row: RowMapping, inventories: Iterable[Inventory]) -> Provider:
    figures = {name: row[name] for name in PROVIDER_FIELDS}
    return Provider(**figures, inventories=tuple(inventories))


def record(db: Database, cloud: Cloud, new: Sequence[Provider], now: int) -> None:
    """Replace all providers of a cloud; providers touched since they were read stay touched."""
    of_cloud = provider.c.cloud_id == cloud.id
    marked = select(provider.c.uuid).where(of_cloud, provider.c.read_at == TOUCHED)
    touched = set(db.scalars(marked))
    db.execute(delete(provider).where(of_cloud))
    db.execute(delete(inventory).where(inventory.c.cloud_id == cloud.id))
    rows = []
    for one in new:
        is_touched = one.uuid in touched and one.read_at < now
        rows.append(_row(cloud, replace(one, read_at=TOUCHED) if is_touched else one))
    if rows:
        db.execute(insert(provider), rows)
    _record_inventories(db, cloud, new)


def _row(cloud: Cloud, one: Provider) -> dict[str, object]:
    return {"cloud_id": cloud.id} | {name: getattr(one, name) for name in PROVIDER_FIELDS}


def _record_inventories(db: Database, cloud: Cloud, new: Iterable[Provider]) -> None:
    rows = []
    for one in new:
        key = {"cloud_id": cloud.id, "provider": one.uuid}
        rows += [key | asdict(figures) for figures in one.inventories]
    if rows:
        db.execute(insert(inventory), rows)


def touch(db: Database, cloud: Cloud, hosts: Iterable[str]) -> None:
    """Mark the providers of hypervisors to be read again, because a server arrived or left.

    Placement's generation shows most changes, but not deleted allocations.
    """
    of_hosts = provider.c.cloud_id == cloud.id, provider.c.name.in_(sorted(hosts))
    db.execute(update(provider).where(*of_hosts).values(read_at=TOUCHED))
