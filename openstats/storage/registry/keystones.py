"""Clouds that turn out to be one: what their Keystones are known by, and how they are joined.

Whether two Keystones are the same is for clouds/identity.py; here is what follows.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Table, delete, func, insert, select, update

from openstats.alerts import OWN
from openstats.model import Cloud
from openstats.storage.registry import clouds
from openstats.storage.schema import tables
from openstats.storage.schema.alerts import alert
from openstats.storage.schema.clouds import cloud_alias, cloud_of, cloud_url
from openstats.storage.store import advisory_lock

cloud, tenant = tables.cloud, tables.tenant
OBJECTS = (tables.project, tables.project_group, tables.customer)
"""What discovery finds in a Keystone, by its ids; what belongs to others first."""

Marks = dict[str, Any]
"""What a Keystone is known by, as JSON: urls, ids, project; and the entry that asks it."""


@dataclass(frozen=True)
class Known:
    """A registered cloud, what its Keystone is known by, and the ids of its projects."""

    cloud: Cloud
    marks: Marks
    tenant_ids: frozenset[str]


def record(db: Connection, owner: Cloud, marks: Mapping[str, Any]) -> None:
    """Write what the Keystone of a cloud is known by."""
    text = json.dumps(marks, sort_keys=True)
    db.execute(update(cloud).where(cloud.c.id == owner.id).values(identity=text))


def current(db: Connection, owner: Cloud) -> Cloud:
    """Return a cloud as it is registered now; as it was where it is not any more."""
    row = db.execute(select(cloud).where(cloud.c.id == owner.id)).first()
    return owner if row is None else cloud_of(row)


def marks_of(db: Connection, owner: Cloud) -> Marks:
    """Return what the Keystone of a cloud is known by; nothing before the first sign-in."""
    text = db.scalar(select(cloud.c.identity).where(cloud.c.id == owner.id))
    return json.loads(text) if text else {}


def others(db: Connection, owner: Cloud) -> list[Known]:
    """List the other clouds that somebody has signed in to."""
    rows = db.execute(select(cloud).where(cloud.c.id != owner.id, cloud.c.identity.is_not(None)))
    return [Known(cloud_of(r), json.loads(r.identity), tenant_ids(db, r.id)) for r in rows]


def tenant_ids(db: Connection, cloud_id: int) -> frozenset[str]:
    """Return the Keystone ids of a cloud's tenants, those that are gone included."""
    ids = select(tenant.c.tenant_id).where(tenant.c.cloud_id == cloud_id)
    return frozenset(db.scalars(ids))


def leave_aside(db: Connection, owner: Cloud, host: str, reasons: Mapping[str, str]) -> None:
    """Write which entries of a host's clouds.yaml are not used for a cloud, and why."""
    text = db.scalar(select(cloud.c.left_aside).where(cloud.c.id == owner.id))
    entries = json.loads(text) if text else {}
    entries.pop(host, None)
    if reasons:
        entries[host] = dict(reasons)
    value = json.dumps(entries, sort_keys=True) if entries else None
    db.execute(update(cloud).where(cloud.c.id == owner.id).values(left_aside=value))


def forget_alias(db: Connection, written: Cloud) -> None:
    """Have an entry that does not lead to a cloud any more be of a cloud of its own."""
    alias = cloud_alias.c.keystone == written.keystone, cloud_alias.c.region == written.region
    db.execute(delete(cloud_alias).where(*alias))


def linked_ids(db: Connection, owner: Cloud) -> list[str]:
    """Return the Keystone ids of the tenants that belong to projects, or else of all, in order."""
    mine = tenant.c.cloud_id == owner.id, tenant.c.deleted_at.is_(None)
    ids = select(tenant.c.tenant_id).where(*mine).order_by(tenant.c.tenant_id)
    linked = list(db.scalars(ids.where(tenant.c.project_id.is_not(None))))
    return linked or list(db.scalars(ids))


def put_in_region(db: Connection, owner: Cloud, region: str) -> Cloud:
    """Write the region of a cloud whose entry names none; it may be another cloud's already."""
    advisory_lock(db, "registration")
    same = (cloud.c.keystone == owner.keystone) & (cloud.c.region == region)
    row = db.execute(select(cloud).where(same)).first()
    if row is not None:
        return _joined(db, cloud_of(row), owner)
    _alias(db, owner, owner)
    db.execute(update(cloud).where(cloud.c.id == owner.id).values(region=region))
    return _again(db, owner)


def join(db: Connection, one: Cloud, other: Cloud) -> Cloud:
    """Make two clouds of one Keystone share it, or be one; return what ``one`` is from now on.

    The Keystone that more is known of stays.
    """
    advisory_lock(db, "registration")
    if not all(_is_there(db, each) for each in (one, other)):
        # Somebody else was faster.
        return clouds.find(db, one) or one
    first, second = sorted((one, other), key=lambda each: (-len(tenant_ids(db, each.id)), each.id))
    kept = _of_keystone(db, first.keystone)
    became = one
    _wait_for_writers(db, [each.id for each in _of_keystone(db, second.keystone).values()])
    for region, former in _of_keystone(db, second.keystone).items():
        if region in kept:
            now = _joined(db, kept[region], former)
        else:
            _alias(db, former, former)
            values = {"keystone": first.keystone}
            db.execute(update(cloud).where(cloud.c.id == former.id).values(values))
            now = _again(db, former)
        became = now if former.id == one.id else became
    _join_objects(db, second.keystone, first.keystone)
    return _again(db, became)


def move(db: Connection, owner: Cloud, written: Cloud, region: str) -> Cloud:
    """Return a cloud whose entry has another URL now, or is in a region that was renamed.

    ``written`` is the cloud as the entry tells it, ``region`` is where its services are. All
    regions of its Keystone move with it, and customers, groups and projects keep their uuids.
    """
    advisory_lock(db, "registration")
    if not _is_there(db, owner):
        # Somebody else was faster.
        return clouds.find(db, owner) or owner
    if written.keystone != owner.keystone:
        owner = _move_keystone(db, owner, written.keystone)
    if region != owner.region:
        owner = _move_region(db, owner, region)
    clouds.add_urls(db, owner, [written.keystone])
    changed = update(cloud).where(cloud.c.id == owner.id)
    db.execute(changed.values(auth_url=written.auth_url, disk_shared=written.disk_shared))
    return _again(db, owner)


def _move_keystone(db: Connection, owner: Cloud, keystone: str) -> Cloud:
    present = list(_of_keystone(db, keystone).values())
    if present:
        return join(db, owner, present[0])
    regions = _of_keystone(db, owner.keystone).values()
    _wait_for_writers(db, [each.id for each in regions])
    for each in regions:
        _alias(db, each, each)
        db.execute(update(cloud).where(cloud.c.id == each.id).values(keystone=keystone))
    _join_objects(db, owner.keystone, keystone)
    return _again(db, owner)


def _wait_for_writers(db: Connection, cloud_ids: Iterable[int]) -> None:
    """Wait for polls that write under the former Keystone; those that begin later see the new."""
    jobs_of = tables.job.c.cloud_id.in_(list(cloud_ids))
    db.execute(update(tables.job).where(jobs_of).values(kind=tables.job.c.kind))


def _move_region(db: Connection, owner: Cloud, region: str) -> Cloud:
    """Write another region of a cloud; one that was registered there already is joined to it."""
    present = _of_keystone(db, owner.keystone).get(region)
    if present is not None:
        _joined(db, owner, present)
    _alias(db, owner, owner)
    db.execute(update(cloud).where(cloud.c.id == owner.id).values(region=region))
    return _again(db, owner)


def rename_region(db: Connection, owner: Cloud, twin: Cloud) -> Cloud:
    """Return a cloud in the region of its twin, which had the same services and is joined to it."""
    advisory_lock(db, "registration")
    if not (_is_there(db, owner) and _is_there(db, twin)):
        return twin
    return _move_region(db, owner, twin.region)


def _of_keystone(db: Connection, keystone: str) -> dict[str, Cloud]:
    rows = db.execute(select(cloud).where(cloud.c.keystone == keystone))
    return {row.region: cloud_of(row) for row in rows}


def _is_there(db: Connection, owner: Cloud) -> bool:
    return db.scalar(select(cloud.c.keystone).where(cloud.c.id == owner.id)) == owner.keystone


def _again(db: Connection, owner: Cloud) -> Cloud:
    return cloud_of(db.execute(select(cloud).where(cloud.c.id == owner.id)).one())


def _alias(db: Connection, owner: Cloud, former: Cloud) -> None:
    """Have entries that are written as of the former cloud be the owner's."""
    forget_alias(db, former)
    names = {"keystone": former.keystone, "region": former.region}
    db.execute(insert(cloud_alias).values(cloud_id=owner.id, **names))


def _joined(db: Connection, owner: Cloud, former: Cloud) -> Cloud:
    """Remove a cloud that is another one; what was read of it was read twice."""
    urls = select(cloud_url.c.url).where(cloud_url.c.cloud_id == former.id)
    clouds.add_urls(db, owner, list(db.scalars(urls)))
    db.execute(
        update(cloud_alias).where(cloud_alias.c.cloud_id == former.id).values(cloud_id=owner.id)
    )
    _alias(db, owner, former)
    # Its own rules raise alerts of the cloud that stays.
    raised = alert.c.cloud_id == former.id, alert.c.source == OWN
    db.execute(delete(alert).where(*raised))
    for column in (tables.grant.c.cloud_id, alert.c.cloud_id):
        db.execute(update(column.table).where(column == former.id).values({column: owner.id}))
    clouds.remove_cloud(db, former)
    return owner


def _join_objects(db: Connection, former: str, keystone: str) -> None:
    """Make what was found in a Keystone under two URLs one; what only one has is kept."""
    for table in OBJECTS:
        twin = table.alias()
        same = (twin.c.keystone_id == table.c.keystone_id) & (twin.c.keystone == keystone)
        pairs = select(table.c.id, twin.c.id).join(twin, same).where(table.c.keystone == former)
        for old, new in db.execute(pairs).all():
            _repoint(db, table, old, new)
            db.execute(delete(table).where(table.c.id == old))
        rest = update(table).where(table.c.keystone == former)
        db.execute(rest.values(keystone=keystone))


def _repoint(db: Connection, table: Table, old: int, new: int) -> None:
    """Have whatever refers to a row refer to another one, but where it does already."""
    for referring in tables.metadata.sorted_tables:
        for column in referring.columns:
            if any(key.column.table is table for key in column.foreign_keys):
                _repoint_column(db, column, old, new)


def _repoint_column(db: Connection, column: Column[Any], old: int, new: int) -> None:
    if column.primary_key:
        copy = column.table.alias()
        rest = [each for each in column.table.primary_key if each is not column]
        same = [copy.c[each.name] == each for each in rest]
        present = select(func.count()).where(copy.c[column.name] == new, *same).scalar_subquery()
        db.execute(delete(column.table).where(column == old, present > 0))
    db.execute(update(column.table).where(column == old).values({column: new}))
