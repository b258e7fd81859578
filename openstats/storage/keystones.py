"""Clouds that turn out to be one: what their Keystones are known by, and how they are joined.

Whether two Keystones are the same is for clouds/identity.py; here is what follows.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Table, delete, func, insert, select, update

from openstats.alerts import OWN
from openstats.model import Cloud
from openstats.storage import registry, schema
from openstats.storage.alert_schema import alert
from openstats.storage.cloud_schema import cloud_alias, cloud_url
from openstats.storage.store import alone

cloud, tenant = schema.cloud, schema.tenant
OBJECTS = (schema.project, schema.project_group, schema.customer)
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


def marks_of(db: Connection, owner: Cloud) -> Marks:
    """Return what the Keystone of a cloud is known by; nothing before the first sign-in."""
    text = db.scalar(select(cloud.c.identity).where(cloud.c.id == owner.id))
    return json.loads(text) if text else {}


def others(db: Connection, owner: Cloud) -> list[Known]:
    """List the other clouds that somebody has signed in to."""
    rows = db.execute(select(cloud).where(cloud.c.id != owner.id, cloud.c.identity.is_not(None)))
    return [Known(registry.cloud_of(r), json.loads(r.identity), _tenants(db, r.id)) for r in rows]


def _tenants(db: Connection, cloud_id: int) -> frozenset[str]:
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


def put_in_region(db: Connection, owner: Cloud, region: str) -> Cloud:
    """Write the region of a cloud whose entry names none; it may be another cloud's already."""
    alone(db, "registration")
    same = (cloud.c.keystone == owner.keystone) & (cloud.c.region == region)
    row = db.execute(select(cloud).where(same)).first()
    if row is not None:
        return _joined(db, registry.cloud_of(row), owner)
    _alias(db, owner, owner)
    db.execute(update(cloud).where(cloud.c.id == owner.id).values(region=region))
    return _again(db, owner)


def join(db: Connection, one: Cloud, other: Cloud) -> Cloud:
    """Make two clouds of one Keystone share it, or be one; return what ``one`` is from now on.

    The Keystone that more is known of stays.
    """
    alone(db, "registration")
    if not all(_is_there(db, each) for each in (one, other)):
        # Somebody else was faster.
        return registry.find(db, one) or one
    first, second = sorted((one, other), key=lambda each: (-len(_tenants(db, each.id)), each.id))
    kept = _of_keystone(db, first.keystone)
    became = one
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


def _of_keystone(db: Connection, keystone: str) -> dict[str, Cloud]:
    rows = db.execute(select(cloud).where(cloud.c.keystone == keystone))
    return {row.region: registry.cloud_of(row) for row in rows}


def _is_there(db: Connection, owner: Cloud) -> bool:
    return db.scalar(select(cloud.c.keystone).where(cloud.c.id == owner.id)) == owner.keystone


def _again(db: Connection, owner: Cloud) -> Cloud:
    return registry.cloud_of(db.execute(select(cloud).where(cloud.c.id == owner.id)).one())


def _alias(db: Connection, owner: Cloud, former: Cloud) -> None:
    """Have entries that are written as of the former cloud be the owner's."""
    written = cloud_alias.c.keystone == former.keystone, cloud_alias.c.region == former.region
    db.execute(delete(cloud_alias).where(*written))
    names = {"keystone": former.keystone, "region": former.region}
    db.execute(insert(cloud_alias).values(cloud_id=owner.id, **names))


def _joined(db: Connection, owner: Cloud, former: Cloud) -> Cloud:
    """Remove a cloud that is another one; what was read of it was read twice."""
    urls = select(cloud_url.c.url).where(cloud_url.c.cloud_id == former.id)
    registry.add_urls(db, owner, list(db.scalars(urls)))
    db.execute(
        update(cloud_alias).where(cloud_alias.c.cloud_id == former.id).values(cloud_id=owner.id)
    )
    _alias(db, owner, former)
    # Its own rules raise alerts of the cloud that stays.
    raised = alert.c.cloud_id == former.id, alert.c.source == OWN
    db.execute(delete(alert).where(*raised))
    for column in (schema.grant.c.cloud_id, alert.c.cloud_id):
        db.execute(update(column.table).where(column == former.id).values({column: owner.id}))
    registry.remove_cloud(db, former)
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
    for referring in schema.metadata.sorted_tables:
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
