"""Tenants: the Keystone projects of each cloud, and the registry project that each is linked to.

A tenant that two consecutive complete discoveries do not list is deleted; nothing else deletes it.
Discovery does not change a link that was set by hand.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Update, and_, bindparam, exists, select, update

from openstats.discovery import KeystoneProject
from openstats.model import Cloud
from openstats.storage import jobs
from openstats.storage.alerts import closing
from openstats.storage.dialects import add_missing, one_of
from openstats.storage.ownership import TENANTS
from openstats.storage.quota import by_tenant
from openstats.storage.registry.customers import row_id
from openstats.storage.registry.moves import move
from openstats.storage.schema import tables
from openstats.storage.store import Database

MISSES = 2
"""The number of consecutive complete discoveries without a tenant after which it is deleted."""

tenant, project = tables.tenant, tables.project


def refresh(
    db: Database,
    cloud: Cloud,
    projects: Sequence[KeystoneProject],
    links: Mapping[str, int],
    now: int,
    unread: Set[str] = frozenset(),
) -> None:
    """Update tenants, and link them to registry projects (row ids by Keystone id).

    ``unread`` are ids of projects that Keystone listed but that could not be read: their tenants
    stay.
    """
    keystone_ids = {keystone_project.id for keystone_project in projects}
    rows = rows_of(db, cloud, keystone_ids, now)
    names = [{"row": rows[p.id], "name": p.name, "enabled": p.enabled} for p in projects]
    if names:
        db.execute(_update_shown(), names)
    move(db, TENANTS, _moved(db, cloud, {rows[p.id]: links.get(p.id) for p in projects}), now)
    shown_ids = keystone_ids | unread
    missing = [row for key, row in _rows(db, cloud).items() if key not in shown_ids]
    _miss(db, cloud, missing, now)


def _update_shown() -> Update:
    values: dict[str, Any] = {"name": bindparam("name"), "enabled": bindparam("enabled")}
    values |= {"missed": 0, "deleted_at": None}
    return update(tenant).where(tenant.c.id == bindparam("row")).values(values)


def _moved(db: Database, cloud: Cloud, links: Mapping[int, int | None]) -> dict[int, int | None]:
    """Return the links (row ids of tenant and project) that are new and not set by hand."""
    linked = select(tenant.c.id, tenant.c.project_id)
    linked = linked.where(tenant.c.cloud_id == cloud.id, ~tenant.c.project_by_hand)
    current = dict(db.execute(linked).all())
    return {row: link for row, link in links.items() if current.get(row, link) != link}


def _miss(db: Database, cloud: Cloud, missing: Sequence[int], now: int) -> None:
    """Count a discovery that did not list these tenants (row ids); delete those missed twice."""
    if missing:
        missed_once_more = update(tenant).where(tenant.c.id == bindparam("row"))
        values = missed_once_more.values(missed=tenant.c.missed + 1)
        db.execute(values, [{"row": row} for row in missing])
    has_left = _living(cloud), tenant.c.missed >= MISSES
    row_ids = list(db.scalars(select(tenant.c.id).where(*has_left)))
    deletion = update(tenant).where(one_of(tenant.c.id, "rows")).values(deleted_at=now)
    db.execute(deletion, {"rows": row_ids})
    closing.close_of_owners(db, "tenant", row_ids, now)


def _living(cloud: Cloud) -> ColumnElement[bool]:
    return and_(tenant.c.cloud_id == cloud.id, tenant.c.deleted_at.is_(None))


def _rows(db: Database, cloud: Cloud) -> dict[str, int]:
    columns = select(tenant.c.keystone_id, tenant.c.id).where(tenant.c.cloud_id == cloud.id)
    return dict(db.execute(columns).all())


def living(db: Database, cloud: Cloud) -> set[str]:
    """Return the Keystone ids of the tenants that are not deleted."""
    return set(db.scalars(select(tenant.c.keystone_id).where(_living(cloud))))


def listed_once(db: Database, cloud: Cloud) -> set[str]:
    """Return the Keystone ids of tenants that Keystone has listed at least once, not deleted."""
    ids = select(tenant.c.keystone_id).where(_living(cloud), tenant.c.name != "")
    return set(db.scalars(ids))


def unmet_of(cloud: Cloud) -> ColumnElement[bool]:
    """Return the condition that a poll found a tenant and no discovery could list it yet."""
    was_met_by_poll = tenant.c.project_id.is_(None), tenant.c.name == ""
    return and_(_living(cloud), tenant.c.missed == 0, *was_met_by_poll)


def unmet(db: Database, cloud: Cloud) -> bool:
    """Return whether a poll found a tenant that no discovery could list yet."""
    return bool(db.scalar(select(exists().where(unmet_of(cloud)))))


def unmet_ids(db: Database, cloud: Cloud) -> set[str]:
    """Return the Keystone ids of the tenants that polls found and no discovery could list yet."""
    return set(db.scalars(select(tenant.c.keystone_id).where(unmet_of(cloud))))


def rows_of(db: Database, cloud: Cloud, keystone_ids: Iterable[str], now: int) -> dict[str, int]:
    """Return the row ids of a cloud's tenants by Keystone id; add unknown ones, without a link."""
    rows = _rows(db, cloud)
    new_ids = sorted(set(keystone_ids) - set(rows))
    if not new_ids:
        return rows
    values: dict[str, Any] = {"cloud_id": cloud.id, "name": "", "enabled": True}
    # Several kinds of polls may find a new tenant at the same time.
    blank = [{"uuid": str(uuid4()), "keystone_id": key, **values} for key in new_ids]
    add_missing(db, tenant, blank)
    rows = _rows(db, cloud)
    quotas = [{"tenant_id": rows[key], "due_at": now} for key in new_ids]
    add_missing(db, tables.quota, quotas)
    return rows


def link(db: Database, projects: Mapping[int, int | None], now: int) -> None:
    """Link tenants to projects (row ids), or to none, as of now; make their quotas due at once."""
    columns = select(tenant.c.id, tenant.c.cloud_id, tenant.c.project_id)
    rows = db.execute(columns.where(one_of(tenant.c.id, "rows")), {"rows": [*projects]}).all()
    moved: dict[int, int | None] = {}
    linked, clouds = set(), set()
    for row in rows:
        project_id = projects[row.id]
        if row.project_id != project_id:
            moved[row.id] = project_id
            if project_id is not None:
                linked.add(row.id)
                clouds.add(row.cloud_id)
    by_tenant.make_due(db, linked, now)
    jobs.make_due(db, clouds, ["quotas"], now)
    move(db, TENANTS, moved, now)
    by_hand = update(tenant).where(one_of(tenant.c.id, "rows")).values(project_by_hand=True)
    db.execute(by_hand, {"rows": [*moved]})


def link_tenant(db: Database, uuid: str, project_uuid: str | None, now: int) -> None:
    """Link a tenant to a project (both by uuid), or to none.

    Raises:
        ConflictError: the project does not exist.
    """
    tenant_id = db.execute(select(tenant.c.id).where(tenant.c.uuid == uuid)).scalar_one()
    project_id = None if project_uuid is None else row_id(db, project, project_uuid)
    link(db, {tenant_id: project_id}, now)
