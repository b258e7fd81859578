"""Customers, project groups and projects as lists show them, with their members."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Column, Row, Select, select

from openstats.model import Past, Scope
from openstats.storage.access.selection import ObjectQuery, objects
from openstats.storage.access.visibility import OBJECTS, variables, visible_project
from openstats.storage.dialects import one_of
from openstats.storage.entries.pagination import Listing, RowQuery
from openstats.storage.schema import tables
from openstats.storage.store import Database

group, project, member = tables.project_group, tables.project, tables.project_group_member


@dataclass(frozen=True, slots=True)
class StoredCustomer:
    """A customer. ``created_at`` is None if unknown, ``deleted_at`` if it is not deleted."""

    uuid: str
    name: str
    created_at: int | None
    deleted_at: int | None


@dataclass(frozen=True, slots=True)
class StoredGroup:
    """A project group, with the uuids of its customer and of its visible projects."""

    uuid: str
    name: str
    created_at: int | None
    deleted_at: int | None
    customer: str
    projects: Sequence[str]


@dataclass(frozen=True, slots=True)
class StoredProject:
    """A project, with the uuids of its customer and of its groups."""

    uuid: str
    name: str
    created_at: int | None
    deleted_at: int | None
    customer: str
    groups: Sequence[str]


def _select(kind: str, query: RowQuery) -> Select[Any]:
    """Select the visible objects of a kind; deleted ones were visible until they were deleted."""
    table, past = OBJECTS[kind], Past.UNTIL_DELETED if query.deleted else Past.NONE
    visible = objects(ObjectQuery(kind, query.everything, past=past)).order_by(None)
    rows = visible.subquery("visible")
    columns = [rows.c.uuid, rows.c.name, table.c.created_at, table.c.deleted_at]
    if kind != "customer":
        columns.append(rows.c.customer)
    return select(*columns).join(table, table.c.id == rows.c.id)


def _load_customers(_db: Database, _scope: Scope, rows: Sequence[Row[Any]]) -> list[StoredCustomer]:
    return [StoredCustomer(row.uuid, row.name, row.created_at, row.deleted_at) for row in rows]


def _load_groups(db: Database, scope: Scope, rows: Sequence[Row[Any]]) -> list[StoredGroup]:
    is_visible = visible_project(everything=scope.everything)
    projects = _members(db, scope, rows, _pairs(group.c.uuid, project.c.uuid).where(is_visible))
    groups = []
    for row in rows:
        dates, members = (row.created_at, row.deleted_at), projects[row.uuid]
        groups.append(StoredGroup(row.uuid, row.name, *dates, row.customer, members))
    return groups


def _load_projects(db: Database, scope: Scope, rows: Sequence[Row[Any]]) -> list[StoredProject]:
    exists_now = group.c.deleted_at.is_(None)
    groups = _members(db, scope, rows, _pairs(project.c.uuid, group.c.uuid).where(exists_now))
    projects = []
    for row in rows:
        dates, holders = (row.created_at, row.deleted_at), groups[row.uuid]
        projects.append(StoredProject(row.uuid, row.name, *dates, row.customer, holders))
    return projects


def _pairs(holder: Column[str], content: Column[str]) -> Select[str, str]:
    """Select memberships as pairs of uuids, for the holders in the parameter ``listed``."""
    memberships = member.join(group, group.c.id == member.c.project_group_id)
    memberships = memberships.join(project, project.c.id == member.c.project_id)
    pairs = select(holder, content).select_from(memberships)
    return pairs.where(one_of(holder, "listed")).order_by(content)


def _members(
    db: Database, scope: Scope, holders: Sequence[Row[Any]], pairs: Select[str, str]
) -> dict[str, list[str]]:
    """Return the uuids of the members of each holder (uuid)."""
    uuids: dict[str, list[str]] = {holder.uuid: [] for holder in holders}
    for holder_uuid, uuid in db.execute(pairs, {"listed": [*uuids], **variables(scope)}):
        uuids[holder_uuid].append(uuid)
    return uuids


CUSTOMERS = Listing(partial(_select, "customer"), _load_customers, keeps_deleted=True)
GROUPS = Listing(partial(_select, "project_group"), _load_groups, keeps_deleted=True)
PROJECTS = Listing(partial(_select, "project"), _load_projects, keeps_deleted=True)
