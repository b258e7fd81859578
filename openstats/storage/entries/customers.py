"""Customers, project groups and projects as lists show them, with their members."""

from functools import partial
from typing import Any

from sqlalchemy import Column, Select, select

from openstats.model import Past, Scope
from openstats.storage.access.selection import ObjectQuery, objects
from openstats.storage.access.visibility import OBJECTS, variables, visible_project
from openstats.storage.dialects import one_of
from openstats.storage.entries.pagination import Complete, Entry, Listing
from openstats.storage.schema import tables
from openstats.storage.store import Database

group, project, member = tables.project_group, tables.project, tables.project_group_member


def _rows(kind: str, everything: bool) -> Select[Any]:
    """Select the visible objects of a kind."""
    return _select(ObjectQuery(kind, everything))


def _past_rows(kind: str, everything: bool) -> Select[Any]:
    """Select the visible objects of a kind, and those that were visible until they were deleted."""
    statement = _select(ObjectQuery(kind, everything, past=Past.UNTIL_DELETED))
    return statement.add_columns(OBJECTS[kind].c.deleted_at)


def _select(query: ObjectQuery) -> Select[Any]:
    table = OBJECTS[query.aggregate]
    visible = objects(query).order_by(None).subquery("seen")
    columns = [visible.c.uuid, visible.c.name, table.c.created_at]
    if query.aggregate != "customer":
        columns.append(visible.c.customer)
    return select(*columns).join(table, table.c.id == visible.c.id)


def _without_null_dates(_db: Database, _scope: Scope, entries: list[Entry]) -> list[Entry]:
    """Return entries without ``deleted_at`` where the object is not deleted."""
    for entry in entries:
        if entry.get("deleted_at", 0) is None:
            del entry["deleted_at"]
    return entries


def _with_groups(db: Database, scope: Scope, entries: list[Entry]) -> list[Entry]:
    """Add the uuids of each project's groups."""
    pairs = _pairs(project.c.uuid, group.c.uuid).where(group.c.deleted_at.is_(None))
    return _with_members(db, scope, entries, "project_groups", pairs)


def _with_projects(db: Database, scope: Scope, entries: list[Entry]) -> list[Entry]:
    """Add the uuids of each group's visible projects."""
    is_visible = visible_project(everything=scope.everything)
    pairs = _pairs(group.c.uuid, project.c.uuid).where(is_visible)
    return _with_members(db, scope, entries, "projects", pairs)


def _pairs(holder: Column[str], content: Column[str]) -> Select[str, str]:
    """Select memberships as pairs of uuids, for the holders in the parameter ``listed``."""
    memberships = member.join(group, group.c.id == member.c.project_group_id)
    memberships = memberships.join(project, project.c.id == member.c.project_id)
    pairs = select(holder, content).select_from(memberships)
    return pairs.where(one_of(holder, "listed")).order_by(content)


def _with_members(
    db: Database, scope: Scope, entries: list[Entry], field: str, pairs: Select[str, str]
) -> list[Entry]:
    uuids: dict[str, list[str]] = {entry["uuid"]: [] for entry in entries}
    for holder_uuid, uuid in db.execute(pairs, {"listed": [*uuids], **variables(scope)}):
        uuids[holder_uuid].append(uuid)
    for entry in entries:
        entry[field] = uuids[entry["uuid"]]
    return _without_null_dates(db, scope, entries)


def _listing(kind: str, complete: Complete) -> Listing:
    return Listing(partial(_rows, kind), complete, past=partial(_past_rows, kind))


CUSTOMERS = _listing("customer", _without_null_dates)
GROUPS = _listing("project_group", _with_projects)
PROJECTS = _listing("project", _with_groups)
