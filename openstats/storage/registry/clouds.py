"""The registry: clouds, customers, project groups, projects and tenants."""

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, delete, exists, insert, select, update

from openstats.model import Cloud
from openstats.storage.schema import tables
from openstats.storage.schema.clouds import cloud_alias, cloud_url
from openstats.storage.store import advisory_lock

cloud = tables.cloud

TOLD = ("name", "auth_url", "region", "keystone", "disk_shared")
"""What clouds.yaml tells of a cloud."""


def cloud_of(row: Any) -> Cloud:
    """Make a Cloud from a row that has the columns of its table."""
    return Cloud(**{field.name: getattr(row, field.name) for field in fields(Cloud)})


def clouds(db: Connection) -> list[Cloud]:
    """List the registered clouds, by name."""
    return [cloud_of(row) for row in db.execute(select(cloud).order_by(cloud.c.name))]


def regions_of(db: Connection, keystone: str) -> list[Cloud]:
    """List the clouds of a Keystone, the one that was registered first at first."""
    chosen = select(cloud).where(cloud.c.keystone == keystone).order_by(cloud.c.id)
    return [cloud_of(row) for row in db.execute(chosen)]


def register_cloud(db: Connection, found: Cloud, urls: Iterable[str]) -> Cloud:
    """Add a cloud, or bring it up to date; it is the same if Keystone and region are, or the name.

    ``urls`` are the ways to ask for it, in their compared form; those of before stay. One of the
    same name that has tenants stays as it is: whether it is the same is known after a sign-in.
    """
    advisory_lock(db, "registration")
    same = (cloud.c.keystone == found.keystone) & (cloud.c.region == found.region)
    owner = find(db, found)
    if owner is not None and (owner.keystone, owner.region) != (found.keystone, found.region):
        add_urls(db, owner, urls)
        return owner
    row = db.execute(
        select(cloud).where(same | (cloud.c.name == found.name)).order_by(~same)
    ).first()
    values = {name: getattr(found, name) for name in TOLD}
    if row is not None and owner is None and has_tenants(db, cloud_of(row)):
        return cloud_of(row)
    if row is None:
        db.execute(insert(cloud).values(uuid=found.uuid or str(uuid4()), **values))
    else:
        # Two that swap their names: the other one is registered by its new name in a moment.
        taken = cloud.c.name == found.name, cloud.c.id != row.id
        db.execute(update(cloud).where(*taken).values(name=cloud.c.uuid))
        db.execute(update(cloud).where(cloud.c.id == row.id).values(values))
    kept = cloud_of(db.execute(select(cloud).where(same)).one())
    add_urls(db, kept, {found.keystone, *urls})
    return kept


def has_tenants(db: Connection, owner: Cloud) -> bool:
    """Return whether anything was ever read of a cloud."""
    return bool(db.scalar(select(exists().where(tables.tenant.c.cloud_id == owner.id))))


def rename_cloud(db: Connection, owner: Cloud, name: str) -> Cloud:
    """Return a cloud under the name of the entry that asks it, unless another cloud has that."""
    if owner.name == name:
        return owner
    advisory_lock(db, "registration")
    if db.scalar(select(cloud.c.id).where(cloud.c.name == name)) is not None:
        return owner
    db.execute(update(cloud).where(cloud.c.id == owner.id).values(name=name))
    return replace(owner, name=name)


def find(db: Connection, found: Cloud) -> Cloud | None:
    """Return the registered cloud that has a Keystone and a region, as it is known by now."""
    same = (cloud.c.keystone == found.keystone) & (cloud.c.region == found.region)
    row = db.execute(select(cloud).where(same)).first()
    if row is None:
        alias = cloud_alias
        same = (alias.c.keystone == found.keystone) & (alias.c.region == found.region)
        row = db.execute(
            select(cloud).join(alias, alias.c.cloud_id == cloud.c.id).where(same)
        ).first()
    return None if row is None else cloud_of(row)


def register_unusable(db: Connection, found: Cloud, place: str) -> Cloud:
    """Add a cloud whose entry cannot be used; what is known of it already stays as it is.

    ``place`` is where the entry stands: it is all that tells a cloud without an auth_url.
    """
    advisory_lock(db, "registration")
    keystone = found.keystone or f"{place}: {found.name}"
    same = (cloud.c.keystone == keystone) & (cloud.c.region == found.region)
    named = cloud.c.name == found.name
    row = db.execute(select(cloud).where(same | named).order_by(~named)).first()
    if row is None:
        values = {name: getattr(found, name) for name in TOLD} | {"keystone": keystone}
        db.execute(insert(cloud).values(uuid=str(uuid4()), **values))
        row = db.execute(select(cloud).where(named)).one()
    return cloud_of(row)


def add_urls(db: Connection, owner: Cloud, urls: Iterable[str]) -> None:
    """Have a cloud found by these URLs (compared form) too."""
    there = set(db.scalars(select(cloud_url.c.url).where(cloud_url.c.cloud_id == owner.id)))
    rows = [{"cloud_id": owner.id, "url": url} for url in sorted(set(urls) - there)]
    if rows:
        db.execute(insert(cloud_url), rows)


def remove_cloud(db: Connection, owner: Cloud) -> None:
    """Remove a cloud with its grants and all that was read of it; the registry stays."""
    db.execute(delete(cloud).where(cloud.c.id == owner.id))
