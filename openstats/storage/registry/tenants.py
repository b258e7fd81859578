"""Tenants: the Keystone projects of each cloud, and to which registry project each is linked.

One that two complete sweeps in a row did not show has left; nothing else deletes it.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, and_, bindparam, exists, select, update

from openstats.model import Cloud, KeystoneProject
from openstats.storage.alerts import closing
from openstats.storage.dialects import add_missing
from openstats.storage.ownership import TENANTS
from openstats.storage.registry.moves import move
from openstats.storage.schema import tables

MISSES = 2

tenant, quota = tables.tenant, tables.quota


def refresh(
    db: Connection,
    cloud: Cloud,
    found: Sequence[KeystoneProject],
    links: Mapping[str, int],
    now: int,
    unread: Set[str] = frozenset(),
) -> None:
    """Bring tenants up to date, linked to registry projects (row ids) by Keystone id.

    ``unread`` are ids of those that the sweep showed, and that could not be read: they stay.
    """
    ids = {project.id for project in found}
    rows = rows_of(db, cloud, ids, now)
    if found:
        names = [{"row": rows[p.id], "name": p.name, "enabled": p.enabled} for p in found]
        db.execute(_seen(), names)
    move(db, TENANTS, _moved(db, cloud, {rows[p.id]: links.get(p.id) for p in found}), now)
    shown = ids | unread
    _miss(db, cloud, [row for key, row in _rows(db, cloud).items() if key not in shown], now)


def living(db: Connection, cloud: Cloud) -> set[str]:
    """Return the Keystone ids of the tenants that are not deleted."""
    alive = tenant.c.cloud_id == cloud.id, tenant.c.deleted_at.is_(None)
    return set(db.scalars(select(tenant.c.tenant_id).where(*alive)))


def listed_once(db: Connection, cloud: Cloud) -> set[str]:
    """Return the Keystone ids of those that a list of Keystone's has shown, and not deleted."""
    alive = tenant.c.cloud_id == cloud.id, tenant.c.deleted_at.is_(None), tenant.c.name != ""
    return set(db.scalars(select(tenant.c.tenant_id).where(*alive)))


def _seen() -> Any:
    values: dict[str, Any] = {name: bindparam(name) for name in ("name", "enabled")}
    values |= {"missed": 0, "deleted_at": None}
    return update(tenant).where(tenant.c.id == bindparam("row")).values(values)


def _moved(db: Connection, cloud: Cloud, links: Mapping[int, int | None]) -> dict[int, int | None]:
    """Give those tenants (row ids) that are linked to something else now, unless by hand."""
    mine = tenant.c.cloud_id == cloud.id, ~tenant.c.project_by_hand
    found = db.execute(select(tenant.c.id, tenant.c.project_id).where(*mine))
    before = {row.id: row.project_id for row in found}
    return {row: link for row, link in links.items() if before.get(row, link) != link}


def _miss(db: Connection, cloud: Cloud, missing: Sequence[int], now: int) -> None:
    """Note that a complete sweep did not show these tenants (row ids)."""
    once_more = update(tenant).where(tenant.c.id == bindparam("row"))
    if missing:
        values = once_more.values(missed=tenant.c.missed + 1)
        db.execute(values, [{"row": row} for row in missing])
    gone = tenant.c.cloud_id == cloud.id, tenant.c.missed >= MISSES, tenant.c.deleted_at.is_(None)
    deleted = update(tenant).where(*gone).values(deleted_at=now).returning(tenant.c.id)
    closing.close_of_owners(db, "tenant", list(db.scalars(deleted)), now)


def _rows(db: Connection, cloud: Cloud) -> dict[str, int]:
    found = db.execute(select(tenant.c.tenant_id, tenant.c.id).where(tenant.c.cloud_id == cloud.id))
    return {row.tenant_id: row.id for row in found}


def unmet_of(cloud: Cloud) -> ColumnElement[bool]:
    """Return the condition that no discovery has had a chance to show a tenant of a cloud yet."""
    new = tenant.c.cloud_id == cloud.id, tenant.c.deleted_at.is_(None), tenant.c.missed == 0
    return and_(*new, tenant.c.project_id.is_(None), tenant.c.name == "")


def unmet(db: Connection, cloud: Cloud) -> bool:
    """Return whether a poll met a tenant that no discovery has had a chance to show yet."""
    return bool(db.scalar(select(exists().where(unmet_of(cloud)))))


def unmet_ids(db: Connection, cloud: Cloud) -> set[str]:
    """Return the Keystone ids of these."""
    return set(db.scalars(select(tenant.c.tenant_id).where(unmet_of(cloud))))


def rows_of(db: Connection, cloud: Cloud, ids: Iterable[str], now: int) -> dict[str, int]:
    """Give the row ids of tenants by Keystone id; unknown ones are added, linked to nothing."""
    rows = _rows(db, cloud)
    new = sorted(set(ids) - set(rows))
    if not new:
        return rows
    blank = {"cloud_id": cloud.id, "name": "", "enabled": True}
    # Several kinds of polls meet a new tenant at the same time.
    add_missing(db, tenant, [{"uuid": str(uuid4()), "tenant_id": key, **blank} for key in new])
    rows = _rows(db, cloud)
    add_missing(db, quota, [{"tenant_id": rows[key], "due_at": now} for key in new])
    return rows
