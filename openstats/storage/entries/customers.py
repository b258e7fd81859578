"""Customers, project groups and projects, as they are shown, and as they are set by hand.

What differs from what discovery found was set by hand, and discovery leaves it alone.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    Table,
    exists,
    select,
    update,
)

from openstats.errors import ConflictError
from openstats.model import Scope
from openstats.storage import jobs, ownership, quota
from openstats.storage.access.selection import ObjectQuery, objects
from openstats.storage.access.visibility import OBJECTS, variables, visible_project
from openstats.storage.alerts import closing
from openstats.storage.dialects import one_of
from openstats.storage.entries.pagination import Completed, Entry, Listing
from openstats.storage.registry import moves
from openstats.storage.registry.group_members import fill, holds_others, join, leave_groups
from openstats.storage.registry.object_rows import ObjectRows
from openstats.storage.schema import tables

customer, group, project = tables.customer, tables.project_group, tables.project
member, tenant = tables.project_group_member, tables.tenant

Values = Mapping[str, Any]


def _rows(kind: str, everything: bool, past: str = "none") -> Select[Any]:
    table = OBJECTS[kind]
    visible = objects(ObjectQuery(kind, everything=everything, past=past))
    seen = visible.order_by(None).subquery("seen")
    owner = () if table is customer else (seen.c.customer,)
    columns = (seen.c.uuid, seen.c.name, table.c.created_at, *owner)
    return select(*columns).join(table, table.c.id == seen.c.id)


def _past_rows(kind: str, everything: bool) -> Select[Any]:
    return _rows(kind, everything, "deleted").add_columns(OBJECTS[kind].c.deleted_at)


def _dated(_db: Connection, _scope: Scope, entries: list[Entry]) -> list[Entry]:
    """Return entries in which only what was deleted has a date of that."""
    return [
        {name: value for name, value in entry.items() if name != "deleted_at" or value is not None}
        for entry in entries
    ]


def _with_groups(db: Connection, scope: Scope, entries: list[Entry]) -> list[Entry]:
    pairs = _pairs(project.c.uuid, group.c.uuid).where(group.c.deleted_at.is_(None))
    return _with(db, scope, entries, "project_groups", pairs)


def _with_projects(db: Connection, scope: Scope, entries: list[Entry]) -> list[Entry]:
    pairs = _pairs(group.c.uuid, project.c.uuid).where(visible_project(everything=scope.everything))
    return _with(db, scope, entries, "projects", pairs)


def _pairs(holder: Any, held: Any) -> Select[Any]:
    joined = member.join(group, group.c.id == member.c.project_group_id)
    joined = joined.join(project, project.c.id == member.c.project_id)
    chosen = select(holder, held).select_from(joined)
    return chosen.where(one_of(holder, "listed")).order_by(held)


def _with(
    db: Connection, scope: Scope, entries: list[Entry], field: str, pairs: Select[Any]
) -> list[Entry]:
    held: dict[str, list[str]] = {entry["uuid"]: [] for entry in entries}
    for holder, uuid in db.execute(pairs, {"listed": [*held], **variables(scope)}):
        held[holder].append(uuid)
    return [entry | {field: held[entry["uuid"]]} for entry in _dated(db, scope, entries)]


def _listing(kind: str, completed: Completed) -> Listing:
    return Listing(partial(_rows, kind), completed, past=partial(_past_rows, kind))


CUSTOMERS = _listing("customer", _dated)
GROUPS = _listing("project_group", _with_projects)
PROJECTS = _listing("project", _with_groups)


def link(db: Connection, projects: Mapping[int, int | None], now: int) -> None:
    """Link tenants to projects (row ids), or to none, as of now; their quotas are read at once."""
    before = select(tenant.c.id, tenant.c.cloud_id, tenant.c.project_id)
    found = db.execute(before.where(one_of(tenant.c.id, "rows")), {"rows": [*projects]}).all()
    moved = [row for row in found if row.project_id != projects[row.id]]
    linked = [row for row in moved if projects[row.id] is not None]
    quota.make_due(db, [row.id for row in linked], now)
    jobs.make_due(db, {row.cloud_id for row in linked}, ["quotas"], now)
    moves.move(db, ownership.TENANTS, {row.id: projects[row.id] for row in moved}, now)
    by_hand = update(tenant).where(one_of(tenant.c.id, "rows")).values(project_by_hand=True)
    db.execute(by_hand, {"rows": [row.id for row in moved]})


def write(kind: str, db: Connection, uuid: str, given: Values, now: int) -> None:
    """Create an object, or change what is given of it; fields are those of its entry.

    Raises:
        ConflictError: there is no such customer, or a group would hold another one's project.
    """
    owned = {"customer_id": row_of(db, customer, given["customer"])} if "customer" in given else {}
    named = {n: given[n] for n in ("name", "created_at") if n in given}
    nowhere = {"keystone": None, "keystone_id": None}
    rows = ObjectRows(db, OBJECTS[kind], now, uuid)
    row = rows.put({"uuid": uuid} | named | owned | nowhere)
    rows.write(db)
    _write_members(db, kind, row["id"], given)


def _write_members(db: Connection, kind: str, row: int, given: Values) -> None:
    if kind == "project":
        if "project_groups" in given:
            join(db, row, set(given["project_groups"]))
        leave_groups(db)
    elif "projects" in given:
        fill(db, row, set(given["projects"]))
    elif kind == "project_group" and holds_others(db, row):
        raise ConflictError("the project group still holds projects of its former customer")


def row_of(db: Connection, table: Table, uuid: str) -> int:
    """Give the row id of what another object refers to.

    Raises:
        ConflictError: there is no such object.
    """
    there = table.c.uuid == uuid
    if "deleted_at" in table.c:
        there &= table.c.deleted_at.is_(None)
    row = db.scalar(select(table.c.id).where(there))
    if row is None:
        raise ConflictError(f"{table.name.replace('_', ' ')} {uuid} not found")
    return int(row)


def write_tenant(db: Connection, uuid: str, given: Values, now: int) -> None:
    """Link a tenant, if a project is given.

    Raises:
        ConflictError: there is no such project.
    """
    if "project" in given:
        wanted = given["project"]
        row = db.execute(select(tenant.c.id).where(tenant.c.uuid == uuid)).scalar_one()
        link(db, {row: None if wanted is None else row_of(db, project, wanted)}, now)


def remove(kind: str, db: Connection, uuid: str, now: int) -> None:
    """Delete an object, and end its alerts; its row and its groups stay, as it keeps its past.

    Raises:
        ConflictError: something belongs to it.
    """
    row = row_of(db, OBJECTS[kind], uuid)
    held = next((what for what, there in _children(kind, row) if db.scalar(select(there))), None)
    if held:
        raise ConflictError(f"it still has {held}")
    gone = update(OBJECTS[kind]).where(OBJECTS[kind].c.id == row)
    db.execute(gone.values(deleted_at=now))
    closing.close_of_owners(db, kind, [row], now)


def _children(kind: str, row: int) -> list[tuple[str, Any]]:
    there = project.c.deleted_at.is_(None)
    if kind == "customer":
        groups = group.c.customer_id == row, group.c.deleted_at.is_(None)
        return [
            ("projects", exists().where(project.c.customer_id == row, there)),
            ("project groups", exists().where(*groups)),
        ]
    if kind == "project":
        tenants = tenant.c.project_id == row, tenant.c.deleted_at.is_(None)
        return [("tenants", exists().where(*tenants))]
    held = member.c.project_group_id == row, member.c.project_id == project.c.id, there
    return [("projects", exists().where(*held))]
