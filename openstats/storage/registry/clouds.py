"""Clouds: registered, renamed and removed; and the URLs by which each is asked for."""

from collections.abc import Iterable
from dataclasses import replace
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, delete, exists, insert, select, update

from openstats.errors import ConflictError
from openstats.model import Cloud
from openstats.storage import jobs
from openstats.storage.alerts import closing
from openstats.storage.schema import tables
from openstats.storage.schema.alerts import alert, alert_episode
from openstats.storage.schema.clouds import cloud_alias, cloud_of, cloud_url
from openstats.storage.store import advisory_lock

cloud, tenant = tables.cloud, tables.tenant

ENTRY_COLUMNS = ("name", "auth_url", "region", "keystone", "disk_shared")
"""What clouds.yaml says of a cloud."""


def clouds(db: Connection) -> list[Cloud]:
    """Return the registered clouds, by name."""
    return list(map(cloud_of, db.execute(select(cloud).order_by(cloud.c.name))))


def regions_of(db: Connection, keystone: str) -> list[Cloud]:
    """Return the clouds of a Keystone, the one that was registered first at first."""
    rows = db.execute(select(cloud).where(cloud.c.keystone == keystone).order_by(cloud.c.id))
    return list(map(cloud_of, rows))


def add(db: Connection, entry: Cloud, urls: Iterable[str], *, uuid: str, now: int) -> None:
    """Register the cloud of an entry of clouds.yaml under a uuid; its jobs are due at once.

    Raises:
        ConflictError: it is registered already, by its name or another.
    """
    advisory_lock(db, "registration")
    registered = find(db, entry)
    name = db.scalar(select(cloud.c.name).where(cloud.c.name == entry.name))
    if registered is not None or name is not None:
        known_as = registered.name if registered else name
        raise ConflictError(f"it is registered already, as {known_as}")
    register(db, replace(entry, uuid=uuid), urls, now)


def register(db: Connection, entry: Cloud, urls: Iterable[str], now: float) -> Cloud:
    """Write the cloud of an entry of clouds.yaml, and the jobs that it lacks: these are due now."""
    registered = write_cloud(db, entry, urls)
    jobs.ensure(db, registered.id, jobs.KINDS, now)
    return registered


def write_cloud(db: Connection, entry: Cloud, urls: Iterable[str]) -> Cloud:
    """Add a cloud, or bring it up to date; it is the same if Keystone and region are, or the name.

    ``urls`` are the ways to ask for it, in their compared form; earlier ones stay. One of the
    same name that has tenants stays as it is: whether it is the same is known after a sign-in.
    """
    advisory_lock(db, "registration")
    owner = find(db, entry)
    if owner is not None and (owner.keystone, owner.region) != (entry.keystone, entry.region):
        add_urls(db, owner, urls)
        return owner
    in_region = _in_region(entry.keystone, entry.region)
    matching = select(cloud).where(in_region | (cloud.c.name == entry.name)).order_by(~in_region)
    row = db.execute(matching).first()
    if row is not None and owner is None and has_tenants(db, cloud_of(row)):
        return cloud_of(row)
    _write(db, entry, None if row is None else row.id)
    registered = cloud_of(db.execute(select(cloud).where(in_region)).one())
    add_urls(db, registered, {entry.keystone, *urls})
    return registered


def _in_region(keystone: str, region: str) -> ColumnElement[bool]:
    return (cloud.c.keystone == keystone) & (cloud.c.region == region)


def _write(db: Connection, entry: Cloud, row_id: int | None) -> None:
    """Write what clouds.yaml says of a cloud into its row, or into a new one."""
    values = {name: getattr(entry, name) for name in ENTRY_COLUMNS}
    if row_id is None:
        db.execute(insert(cloud).values(uuid=entry.uuid or str(uuid4()), **values))
        return
    # Two that swap their names: the other one is registered by its new name in a moment.
    namesake = cloud.c.name == entry.name, cloud.c.id != row_id
    db.execute(update(cloud).where(*namesake).values(name=cloud.c.uuid))
    db.execute(update(cloud).where(cloud.c.id == row_id).values(values))


def has_tenants(db: Connection, owner: Cloud) -> bool:
    """Return whether anything was ever read of a cloud."""
    return bool(db.scalar(select(exists().where(tenant.c.cloud_id == owner.id))))


def rename_cloud(db: Connection, owner: Cloud, name: str) -> Cloud:
    """Return a cloud under the name of the entry that asks it, unless another cloud has that."""
    if owner.name == name:
        return owner
    advisory_lock(db, "registration")
    if db.scalar(select(cloud.c.id).where(cloud.c.name == name)) is not None:
        return owner
    db.execute(update(cloud).where(cloud.c.id == owner.id).values(name=name))
    return replace(owner, name=name)


def find(db: Connection, entry: Cloud) -> Cloud | None:
    """Return the registered cloud that has, or once had, an entry's Keystone and region."""
    row = db.execute(select(cloud).where(_in_region(entry.keystone, entry.region))).first()
    if row is None:
        aliases = select(cloud).join(cloud_alias, cloud_alias.c.cloud_id == cloud.c.id)
        in_region = (
            cloud_alias.c.keystone == entry.keystone,
            cloud_alias.c.region == entry.region,
        )
        row = db.execute(aliases.where(*in_region)).first()
    return None if row is None else cloud_of(row)


def register_unusable(db: Connection, entry: Cloud, location: str, now: float) -> Cloud:
    """Add a cloud whose entry cannot be used, with its jobs; what is known of it already stays.

    ``location`` is where the entry stands: nothing else identifies a cloud without an auth_url.
    """
    advisory_lock(db, "registration")
    keystone = entry.keystone or f"{location}: {entry.name}"
    has_name = cloud.c.name == entry.name
    matching = select(cloud).where(_in_region(keystone, entry.region) | has_name)
    row = db.execute(matching.order_by(~has_name)).first()
    if row is None:
        _write(db, replace(entry, keystone=keystone, uuid=""), None)
        row = db.execute(select(cloud).where(has_name)).one()
    jobs.ensure(db, row.id, jobs.KINDS, now)
    return cloud_of(row)


def add_urls(db: Connection, owner: Cloud, urls: Iterable[str]) -> None:
    """Have a cloud found by these URLs (compared form) too."""
    known_urls = set(db.scalars(select(cloud_url.c.url).where(cloud_url.c.cloud_id == owner.id)))
    rows = [{"cloud_id": owner.id, "url": url} for url in sorted(set(urls) - known_urls)]
    if rows:
        db.execute(insert(cloud_url), rows)


def remove(db: Connection, uuid: str, now: int) -> None:
    """Remove a cloud with all that was read of it, and close its alerts.

    Raises:
        ConflictError: a tenant of it is linked to a project.
    """
    owner = cloud_of(db.execute(select(cloud).where(cloud.c.uuid == uuid)).one())
    tenants = tenant.c.cloud_id == owner.id, tenant.c.deleted_at.is_(None)
    if db.scalar(select(exists().where(*tenants, tenant.c.project_id.is_not(None)))):
        raise ConflictError("it still has tenants that are linked to a project")
    closing.close_of_owners(db, "cloud", [owner.id], now)
    # What receivers report of it later is nobody's: no history of its tenants is left.
    below = select(alert.c.id).where(alert.c.cloud_id == owner.id)
    db.execute(delete(alert_episode).where(alert_episode.c.alert_id.in_(below)))
    remove_cloud(db, owner)


def remove_cloud(db: Connection, owner: Cloud) -> None:
    """Delete a cloud with its grants and all that was read of it; the registry stays."""
    db.execute(delete(cloud).where(cloud.c.id == owner.id))
