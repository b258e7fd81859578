"""Keystones: stores what identifies each one, and merges clouds that turn out to share one.

``openstats.clouds`` decides whether two Keystones are the same; this module writes the
consequences.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Table, delete, func, insert, select, update

from openstats.alerts import OWN
from openstats.model import Cloud
from openstats.storage.dialects import advisory_lock
from openstats.storage.registry import clouds
from openstats.storage.schema import tables
from openstats.storage.schema.alerts import alert
from openstats.storage.schema.clouds import cloud_alias, cloud_of, cloud_url
from openstats.storage.store import Database

cloud, tenant = tables.cloud, tables.tenant
OBJECTS = (tables.project, tables.project_group, tables.customer)
"""The tables of objects that discovery finds in a Keystone; owned objects come before their
owners."""

Marks = dict[str, Any]
"""What identifies a Keystone, as JSON: urls, ids, project; and the entry that asks it."""


@dataclass(frozen=True)
class KnownKeystone:
    """A registered cloud, the marks of its Keystone, and the ids of its projects."""

    cloud: Cloud
    marks: Marks
    tenant_ids: frozenset[str]


def record(db: Database, cloud: Cloud, marks: Mapping[str, Any]) -> None:
    """Write the marks of a cloud's Keystone."""
    text = json.dumps(marks, sort_keys=True)
    db.execute(update(tables.cloud).where(tables.cloud.c.id == cloud.id).values(identity=text))


def current(db: Database, cloud: Cloud) -> Cloud:
    """Return a cloud as it is registered now; unchanged if it is no longer registered."""
    row = db.execute(select(tables.cloud).where(tables.cloud.c.id == cloud.id)).first()
    return cloud if row is None else cloud_of(row)


def marks_of(db: Database, cloud: Cloud) -> Marks:
    """Return the marks of a cloud's Keystone; empty before the first sign-in."""
    text = db.scalar(select(tables.cloud.c.identity).where(tables.cloud.c.id == cloud.id))
    return json.loads(text) if text else {}


def others(db: Database, cloud: Cloud) -> list[KnownKeystone]:
    """Return the other clouds to which a collector has signed in, with their marks."""
    keystones = []
    statement = select(tables.cloud).where(
        tables.cloud.c.id != cloud.id, tables.cloud.c.identity.is_not(None)
    )
    for row in db.execute(statement).all():
        marks = json.loads(row.identity)
        keystones.append(KnownKeystone(cloud_of(row), marks, tenant_ids(db, row.id)))
    return keystones


def tenant_ids(db: Database, cloud_id: int) -> frozenset[str]:
    """Return the Keystone ids of a cloud's tenants, including deleted ones."""
    ids = select(tenant.c.keystone_id).where(tenant.c.cloud_id == cloud_id)
    return frozenset(db.scalars(ids))


def leave_aside(db: Database, cloud: Cloud, host: str, reasons: Mapping[str, str]) -> None:
    """Write which entries of a host's clouds.yaml are not used for a cloud, with the reasons."""
    text = db.scalar(select(tables.cloud.c.left_aside).where(tables.cloud.c.id == cloud.id))
    entries = json.loads(text) if text else {}
    entries.pop(host, None)
    if reasons:
        entries[host] = dict(reasons)
    value = json.dumps(entries, sort_keys=True) if entries else None
    db.execute(update(tables.cloud).where(tables.cloud.c.id == cloud.id).values(left_aside=value))


def forget_alias(db: Database, entry: Cloud) -> None:
    """Delete the alias of an entry that no longer leads to a cloud: it gets its own cloud."""
    alias = cloud_alias.c.keystone == entry.keystone, cloud_alias.c.region == entry.region
    db.execute(delete(cloud_alias).where(*alias))


def linked_ids(db: Database, cloud: Cloud) -> list[str]:
    """Return the Keystone ids of the tenants that are linked to projects, or else of all."""
    existing = tenant.c.cloud_id == cloud.id, tenant.c.deleted_at.is_(None)
    ids = select(tenant.c.keystone_id).where(*existing).order_by(tenant.c.keystone_id)
    linked = list(db.scalars(ids.where(tenant.c.project_id.is_not(None))))
    return linked or list(db.scalars(ids))


def put_in_region(db: Database, cloud: Cloud, region: str) -> Cloud:
    """Write the region of a cloud whose entry names none; return the registered cloud.

    If another cloud is registered in that region, the two are merged.
    """
    advisory_lock(db, "registration")
    present = _by_region(db, cloud.keystone).get(region)
    if present is not None:
        return _absorb(db, present, cloud)
    return _set_region(db, cloud, region)


def join(db: Database, cloud: Cloud, twin: Cloud) -> Cloud:
    """Merge the Keystones of two clouds that share one; return what ``cloud`` is registered as now.

    The Keystone with more tenants stays. Clouds in the same region become one cloud.
    """
    advisory_lock(db, "registration")
    if not (_is_registered(db, cloud) and _is_registered(db, twin)):
        # Another collector was faster.
        return clouds.find(db, cloud) or cloud
    keystone, former_keystone = _by_knowledge(db, cloud, twin)
    regions, former_regions = _by_region(db, keystone), _by_region(db, former_keystone)
    _wait_for_writers(db, former_regions.values())
    renewed = cloud
    for region, former in former_regions.items():
        if region in regions:
            successor = _absorb(db, regions[region], former)
        else:
            successor = _set_keystone(db, former, keystone)
        if former.id == cloud.id:
            renewed = successor
    _join_objects(db, former_keystone, keystone)
    return _reread(db, renewed)


def _by_knowledge(db: Database, *twins: Cloud) -> list[str]:
    """Return the Keystones of clouds: more tenants first, then the one registered first."""
    twins_by_tenants = sorted(twins, key=lambda twin: (-len(tenant_ids(db, twin.id)), twin.id))
    return [twin.keystone for twin in twins_by_tenants]


def move(db: Database, cloud: Cloud, entry: Cloud, region: str) -> Cloud:
    """Move a cloud to the URL of its entry and to ``region``; return the cloud as it is now.

    ``entry`` is the cloud as clouds.yaml describes it, ``region`` the region of its services. All
    regions of the Keystone move with it. Customers, groups and projects keep their uuids.
    """
    advisory_lock(db, "registration")
    if not _is_registered(db, cloud):
        # Another collector was faster.
        return clouds.find(db, cloud) or cloud
    if entry.keystone != cloud.keystone:
        cloud = _move_keystone(db, cloud, entry.keystone)
    if region != cloud.region:
        cloud = _move_region(db, cloud, region)
    clouds.add_urls(db, cloud, [entry.keystone])
    statement = update(tables.cloud).where(tables.cloud.c.id == cloud.id)
    db.execute(statement.values(auth_url=entry.auth_url, disk_shared=entry.disk_shared))
    return _reread(db, cloud)


def _move_keystone(db: Database, cloud: Cloud, keystone: str) -> Cloud:
    twins = list(_by_region(db, keystone).values())
    if twins:
        return join(db, cloud, twins[0])
    regions = _by_region(db, cloud.keystone).values()
    _wait_for_writers(db, regions)
    for region in regions:
        _set_keystone(db, region, keystone)
    _join_objects(db, cloud.keystone, keystone)
    return _reread(db, cloud)


def _wait_for_writers(db: Database, regions: Iterable[Cloud]) -> None:
    """Wait for polls that write under the former Keystone; later polls see the new one."""
    of_regions = tables.job.c.cloud_id.in_([region.id for region in regions])
    db.execute(update(tables.job).where(of_regions).values(kind=tables.job.c.kind))


def _move_region(db: Database, cloud: Cloud, region: str) -> Cloud:
    """Write another region of a cloud; merge it with a cloud that is registered in that region."""
    present = _by_region(db, cloud.keystone).get(region)
    if present is not None:
        _absorb(db, cloud, present)
    return _set_region(db, cloud, region)


def _set_keystone(db: Database, cloud: Cloud, keystone: str) -> Cloud:
    """Write another Keystone of a cloud; an entry with the former one still leads to the cloud."""
    _add_alias(db, cloud, cloud)
    db.execute(update(tables.cloud).where(tables.cloud.c.id == cloud.id).values(keystone=keystone))
    return _reread(db, cloud)


def _set_region(db: Database, cloud: Cloud, region: str) -> Cloud:
    """Write another region of a cloud; an entry with the former one still leads to the cloud."""
    _add_alias(db, cloud, cloud)
    db.execute(update(tables.cloud).where(tables.cloud.c.id == cloud.id).values(region=region))
    return _reread(db, cloud)


def rename_region(db: Database, cloud: Cloud, twin: Cloud) -> Cloud:
    """Move a cloud to the region of its twin, which had the same services, and merge both.

    Return the merged cloud.
    """
    advisory_lock(db, "registration")
    if not (_is_registered(db, cloud) and _is_registered(db, twin)):
        return twin
    return _move_region(db, cloud, twin.region)


def _by_region(db: Database, keystone: str) -> dict[str, Cloud]:
    """Return the clouds of a Keystone by region."""
    rows = db.execute(select(cloud).where(cloud.c.keystone == keystone))
    return {row.region: cloud_of(row) for row in rows}


def _is_registered(db: Database, cloud: Cloud) -> bool:
    return (
        db.scalar(select(tables.cloud.c.keystone).where(tables.cloud.c.id == cloud.id))
        == cloud.keystone
    )


def _reread(db: Database, cloud: Cloud) -> Cloud:
    return cloud_of(db.execute(select(tables.cloud).where(tables.cloud.c.id == cloud.id)).one())


def _add_alias(db: Database, cloud: Cloud, former: Cloud) -> None:
    """Make entries that mean the former cloud lead to the cloud."""
    forget_alias(db, former)
    names = {"keystone": former.keystone, "region": former.region}
    db.execute(insert(cloud_alias).values(cloud_id=cloud.id, **names))


def _absorb(db: Database, cloud: Cloud, former: Cloud) -> Cloud:
    """Remove ``former``, which is the same as ``cloud``: its figures were read twice.

    Its URLs, aliases, grants and alerts become those of ``cloud``.
    """
    urls = select(cloud_url.c.url).where(cloud_url.c.cloud_id == former.id)
    clouds.add_urls(db, cloud, list(db.scalars(urls)))
    db.execute(
        update(cloud_alias).where(cloud_alias.c.cloud_id == former.id).values(cloud_id=cloud.id)
    )
    _add_alias(db, cloud, former)
    # Our own rules raise the alerts of the cloud that stays.
    of_rules = alert.c.cloud_id == former.id, alert.c.source == OWN
    db.execute(delete(alert).where(*of_rules))
    for column in (tables.grant.c.cloud_id, alert.c.cloud_id):
        db.execute(update(column.table).where(column == former.id).values({column: cloud.id}))
    clouds.remove_cloud(db, former)
    return cloud


def _join_objects(db: Database, former: str, keystone: str) -> None:
    """Merge the objects that discovery found in one Keystone under two URLs; others only move."""
    for table in OBJECTS:
        twin = table.alias()
        is_twin = (twin.c.keystone_id == table.c.keystone_id) & (twin.c.keystone == keystone)
        pairs = select(table.c.id, twin.c.id).join(twin, is_twin).where(table.c.keystone == former)
        for old, new in db.execute(pairs).all():
            _repoint(db, table, old, new)
            db.execute(delete(table).where(table.c.id == old))
        db.execute(update(table).where(table.c.keystone == former).values(keystone=keystone))


def _repoint(db: Database, table: Table, old: int, new: int) -> None:
    """Replace a row id by another one in all foreign keys to a table."""
    for referring in tables.metadata.sorted_tables:
        for column in referring.columns:
            if any(key.column.table is table for key in column.foreign_keys):
                _repoint_column(db, column, old, new)


def _repoint_column(db: Database, column: Column[Any], old: int, new: int) -> None:
    """Replace a row id in a column; delete a row if its primary key would then exist twice.

    For the membership of a project in two groups that are merged, for example::

        DELETE FROM project_group_member WHERE project_group_id = :old AND (
            SELECT count(*) FROM project_group_member AS copy
            WHERE copy.project_group_id = :new
            AND copy.project_id = project_group_member.project_id) > 0
    """
    if column.primary_key:
        copy = column.table.alias()
        is_copy = [copy.c[column.key] == new]
        for key in column.table.primary_key:
            if key is not column:
                is_copy.append(copy.c[key.key] == key)
        copies = select(func.count()).where(*is_copy).scalar_subquery()
        db.execute(delete(column.table).where(column == old, copies > 0))
    db.execute(update(column.table).where(column == old).values({column: new}))
