"""Remains: what discovery made, and what its clouds have no more, leaves lists and counts.

A project goes with its last tenant, a group with its last project, a customer with its last project
and group; what was only given away or lost its tag goes when the next sweep finds nothing of it
either. The rows stay, with all their past, and come back with what they belong to. What was made,
named or moved by hand never goes.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table, and_, exists, or_, select, true, update

from openstats.storage.alerts import closing
from openstats.storage.dialects import one_of
from openstats.storage.schema import tables

customer, project, group = tables.customer, tables.project, tables.project_group
member, left, tenant = tables.project_group_member, tables.project_group_left, tables.tenant

BY_FILE = "file"
"""The Keystone of customers, and of their groups, that a file names for all Keystones."""

Idle = Mapping[str, list[int]]
"""Row ids by the name of their table."""


def _empty(table: Table) -> Any:
    """Return the condition that no tenant or project that exists belongs to an object."""
    there = project.c.deleted_at.is_(None)
    if table is project:
        alive = tenant.c.project_id == project.c.id, tenant.c.deleted_at.is_(None)
        return ~exists().where(*alive)
    if table is group:
        held = (
            exists().where(of.c.project_group_id == group.c.id, of.c.project_id == project.c.id)
            for of in (member, left)
        )
        return and_(*(~one.where(there) for one in held))
    return ~exists().where(project.c.customer_id == customer.c.id, there)


def _without_groups() -> Any:
    return ~exists().where(group.c.customer_id == customer.c.id, group.c.deleted_at.is_(None))


def _idle(table: Table, keystone: str) -> list[Any]:
    by_hand = table.c.customer_by_hand if table is project else ~true()
    return [
        table.c.keystone.in_((keystone, BY_FILE)),
        table.c.deleted_at.is_(None),
        ~or_(table.c.name_by_hand, by_hand),
        _empty(table),
    ]


def idle(db: Connection, keystone: str) -> Idle:
    """Return what of a Keystone is empty; before a sweep, whose end may find it empty again."""
    return {
        table.name: list(db.scalars(select(table.c.id).where(*_idle(table, keystone))))
        for table in (project, group, customer)
    }


def vanish(db: Connection, keystone: str, before: Idle, now: int) -> None:
    """Let go of what is empty, and was before this sweep or has just lost what it had."""
    lost = {
        "project": select(tenant.c.project_id).where(tenant.c.deleted_at == now),
        "project_group": _of_vanished(member.c.project_group_id, now),
        "customer": select(project.c.customer_id).where(_just_vanished(project, now)),
    }
    for table in (project, group, customer):
        gone = or_(one_of(table.c.id, "before"), table.c.id.in_(lost[table.name]))
        # Read before it is written: the condition looks into the table that changes.
        ids = select(table.c.id).where(*_idle(table, keystone), gone)
        if table is customer:
            ids = ids.where(_without_groups())
        rows = list(db.scalars(ids, {"before": before[table.name]}))
        changed = update(table).where(one_of(table.c.id, "rows"))
        if rows:
            db.execute(changed.values(deleted_at=now, vanished=True), {"rows": rows})
            closing.close_of_owners(db, table.name, rows, now)


def _just_vanished(table: Table, now: int) -> Any:
    return and_(table.c.vanished, table.c.deleted_at == now)


def _of_vanished(column: Any, now: int) -> Any:
    held = select(column).join(project, project.c.id == member.c.project_id)
    return held.where(_just_vanished(project, now))
