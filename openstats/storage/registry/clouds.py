"""Clouds: registers, renames and removes them, and keeps the URLs by which each can be named."""

from collections.abc import Iterable
from dataclasses import replace
from uuid import uuid4

from sqlalchemy import ColumnElement, delete, exists, insert, select, update

from openstats.errors import ConflictError
from openstats.model import Cloud
from openstats.storage import jobs
from openstats.storage.alerts import closing
from openstats.storage.dialects import advisory_lock
from openstats.storage.schema import tables
from openstats.storage.schema.alerts import alert, alert_episode
from openstats.storage.schema.clouds import cloud_alias, cloud_of, cloud_url
from openstats.storage.store import Database

cloud, tenant = tables.cloud, tables.tenant

ENTRY_COLUMNS = ("name", "auth_url", "region", "keystone", "disk_shared")
"""The columns whose values come from clouds.yaml."""


def clouds(db: Database) -> list[Cloud]:
    """Return the registered clouds, ordered by name."""
    return list(map(cloud_of, db.execute(select(cloud).order_by(cloud.c.name))))


def regions_of(db: Database, keystone: str) -> list[Cloud]:
    """Return the clouds of a Keystone in the order in which they were registered."""
    rows = db.execute(select(cloud).where(cloud.c.keystone == keystone).order_by(cloud.c.id))
    return list(map(cloud_of, rows))


def add(db: Database, entry: Cloud, urls: Iterable[str], *, uuid: str, now: int) -> None:
    """Register the cloud of an entry of clouds.yaml under a uuid; its jobs are due at once.

    Raises:
        ConflictError: the cloud is already registered, or another one has its name.
    """
    advisory_lock(db, "registration")
    registered = find(db, entry)
    name = db.scalar(select(cloud.c.name).where(cloud.c.name == entry.name))
    if registered is not None or name is not None:
        known_as = registered.name if registered else name
        raise ConflictError(f"the cloud is already registered as {known_as}")
    register(db, replace(entry, uuid=uuid), urls, now)


def register(db: Database, entry: Cloud, urls: Iterable[str], now: float) -> Cloud:
    """Write the cloud of an entry of clouds.yaml, and add the jobs that it lacks, due now."""
    registered = write_cloud(db, entry, urls)
    jobs.ensure(db, registered.id, jobs.KINDS, now)
    return registered


def write_cloud(db: Database, entry: Cloud, urls: Iterable[str]) -> Cloud:
    """Insert or update the cloud of an entry; return the registered cloud.

    A registered cloud is the same if it has the same Keystone and region, or else the same name.
    Two kinds of clouds are returned without a change of their row: a cloud that only an alias leads
    to, and a cloud with tenants that only has the same name, because only a sign-in can show
    whether it is the same. ``urls``, in compared form, are added to the cloud's URLs, except in the
    last case.
    """
    advisory_lock(db, "registration")
    registered = find(db, entry)
    if registered is not None and (registered.keystone, registered.region) != (
        entry.keystone,
        entry.region,
    ):
        add_urls(db, registered, urls)
        return registered
    in_region = _in_region(entry.keystone, entry.region)
    matching = select(cloud).where(in_region | (cloud.c.name == entry.name)).order_by(~in_region)
    row = db.execute(matching).first()
    if row is not None and registered is None and has_tenants(db, cloud_of(row)):
        return cloud_of(row)
    _write(db, entry, None if row is None else row.id)
    registered = cloud_of(db.execute(select(cloud).where(in_region)).one())
    add_urls(db, registered, {entry.keystone, *urls})
    return registered


def _in_region(keystone: str, region: str) -> ColumnElement[bool]:
    return (cloud.c.keystone == keystone) & (cloud.c.region == region)


def _write(db: Database, entry: Cloud, row_id: int | None) -> None:
    """Write the values from clouds.yaml into the row of a cloud, or into a new row."""
    values = {name: getattr(entry, name) for name in ENTRY_COLUMNS}
    if row_id is None:
        db.execute(insert(cloud).values(uuid=entry.uuid or str(uuid4()), **values))
        return
    # If two clouds swap their names, the other one gets its new name when it is registered next.
    namesake = cloud.c.name == entry.name, cloud.c.id != row_id
    db.execute(update(cloud).where(*namesake).values(name=cloud.c.uuid))
    db.execute(update(cloud).where(cloud.c.id == row_id).values(values))


def has_tenants(db: Database, cloud: Cloud) -> bool:
    """Return whether a cloud has tenants, that is, whether anything was ever read from it."""
    return bool(db.scalar(select(exists().where(tenant.c.cloud_id == cloud.id))))


def rename_cloud(db: Database, cloud: Cloud, name: str) -> Cloud:
    """Return a cloud under the name of its entry, unless another cloud has that name."""
    if cloud.name == name:
        return cloud
    advisory_lock(db, "registration")
    if db.scalar(select(tables.cloud.c.id).where(tables.cloud.c.name == name)) is not None:
        return cloud
    db.execute(update(tables.cloud).where(tables.cloud.c.id == cloud.id).values(name=name))
    return replace(cloud, name=name)


def find(db: Database, entry: Cloud) -> Cloud | None:
    """Return the registered cloud that has, or once had, the Keystone and region of an entry."""
    row = db.execute(select(cloud).where(_in_region(entry.keystone, entry.region))).first()
    if row is None:
        aliases = select(cloud).join(cloud_alias, cloud_alias.c.cloud_id == cloud.c.id)
        in_region = (
            cloud_alias.c.keystone == entry.keystone,
            cloud_alias.c.region == entry.region,
        )
        row = db.execute(aliases.where(*in_region)).first()
    return None if row is None else cloud_of(row)


def register_unusable(db: Database, entry: Cloud, location: str, now: float) -> Cloud:
    """Register a cloud whose entry is not usable, with its jobs; a registered cloud stays as it is.

    ``location`` names the file of the entry and its host. Together with the name, it identifies a
    cloud without an auth_url.
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


def add_urls(db: Database, cloud: Cloud, urls: Iterable[str]) -> None:
    """Add URLs (in compared form) by which a cloud is found."""
    known_urls = set(db.scalars(select(cloud_url.c.url).where(cloud_url.c.cloud_id == cloud.id)))
    rows = [{"cloud_id": cloud.id, "url": url} for url in sorted(set(urls) - known_urls)]
    if rows:
        db.execute(insert(cloud_url), rows)


def remove(db: Database, uuid: str, now: int) -> None:
    """Remove a cloud with everything that was read from it, and close its alerts.

    Raises:
        ConflictError: a tenant of the cloud is linked to a project.
    """
    removed = cloud_of(db.execute(select(cloud).where(cloud.c.uuid == uuid)).one())
    tenants = tenant.c.cloud_id == removed.id, tenant.c.deleted_at.is_(None)
    if db.scalar(select(exists().where(*tenants, tenant.c.project_id.is_not(None)))):
        raise ConflictError("the cloud still has tenants that are linked to a project")
    closing.close_of_owners(db, "cloud", [removed.id], now)
    # The tenants' histories are deleted with the cloud, so that later notifications belong to no
    # alert.
    below = select(alert.c.id).where(alert.c.cloud_id == removed.id)
    db.execute(delete(alert_episode).where(alert_episode.c.alert_id.in_(below)))
    remove_cloud(db, removed)


def remove_cloud(db: Database, cloud: Cloud) -> None:
    """Delete a cloud with its grants and everything that was read from it; keep the registry."""
    db.execute(delete(tables.cloud).where(tables.cloud.c.id == cloud.id))
