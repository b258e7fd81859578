"""Empty objects: deletes what discovery created and what no cloud fills any more.

A project is deleted with its last tenant, a group with its last project, and a customer with its
last project and group. An object that is empty for another reason (its projects were moved, or lost
their tag) is deleted by the next discovery that also finds it empty. The rows and their past stay,
and discovery restores them if their tenants or projects return. Objects that were created, named or
moved by hand are never deleted here.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, exists, or_, select, update

from openstats.storage.alerts import closing
from openstats.storage.dialects import one_of
from openstats.storage.schema import tables
from openstats.storage.store import Database

customer, project, group = tables.customer, tables.project, tables.project_group
member, excluded, tenant = tables.project_group_member, tables.project_group_left, tables.tenant

BY_FILE = "file"
"""The Keystone of customers, and of their groups, that a file names for all Keystones."""

TABLES = (project, group, customer)
"""Owned objects come before their owners."""

RowIds = Mapping[str, list[int]]
"""Row ids by table name."""


def find(db: Database, keystone: str) -> RowIds:
    """Return the empty objects of a Keystone; call it before the discovery that may delete them."""
    return {table.name: list(db.scalars(_select(table, keystone))) for table in TABLES}


def delete(db: Database, keystone: str, empty_before: RowIds, now: int) -> None:
    """Delete the objects that are empty and were empty before, or have just become empty."""
    for table in TABLES:
        was_empty = one_of(table.c.id, "empty_before")
        has_lost = table.c.id.in_(_select_losers(table, now))
        statement = _select(table, keystone).where(or_(was_empty, has_lost))
        if table is customer:
            statement = statement.where(~_has_groups())
        # The rows are read first, because the condition reads the table that the update changes.
        rows = list(db.scalars(statement, {"empty_before": empty_before[table.name]}))
        if rows:
            deletion = update(table).where(one_of(table.c.id, "rows"))
            db.execute(deletion.values(deleted_at=now, vanished=True), {"rows": rows})
            closing.close_of_owners(db, table.name, rows, now)


def _select(table: Table, keystone: str) -> Select[int]:
    """Select empty objects (row ids) that discovery made, and that were not changed by hand."""
    statement = select(table.c.id).where(
        table.c.keystone.in_((keystone, BY_FILE)),
        table.c.deleted_at.is_(None),
        ~table.c.name_by_hand,
        ~_has_children(table),
    )
    return statement.where(~project.c.customer_by_hand) if table is project else statement


def _has_children(table: Table) -> ColumnElement[bool]:
    """Return the condition that an existing tenant or project belongs to an object."""
    project_exists = project.c.deleted_at.is_(None)
    if table is project:
        return exists().where(tenant.c.project_id == project.c.id, tenant.c.deleted_at.is_(None))
    if table is customer:
        return exists().where(project.c.customer_id == customer.c.id, project_exists)
    return or_(_is_in(member, project_exists), _is_in(excluded, project_exists))


def _is_in(pairs: Table, project_exists: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that a table of pairs has a group together with an existing project."""
    return exists().where(
        pairs.c.project_group_id == group.c.id,
        pairs.c.project_id == project.c.id,
        project_exists,
    )


def _has_groups() -> ColumnElement[bool]:
    return exists().where(group.c.customer_id == customer.c.id, group.c.deleted_at.is_(None))


def _select_losers(table: Table, now: int) -> Select[Any]:
    """Select the objects (row ids) that lost a tenant or project at ``now``."""
    if table is project:
        return select(tenant.c.project_id).where(tenant.c.deleted_at == now)
    project_vanished = and_(project.c.vanished, project.c.deleted_at == now)
    if table is customer:
        return select(project.c.customer_id).where(project_vanished)
    members = select(member.c.project_group_id).join(project, project.c.id == member.c.project_id)
    return members.where(project_vanished)
