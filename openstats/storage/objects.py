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
    insert,
    select,
    update,
)

from openstats.errors import ConflictError
from openstats.model import Scope
from openstats.names import cleaned
from openstats.storage import jobs, moves, quota, schema
from openstats.storage.group_members import fill, holds_others, join, leave_groups
from openstats.storage.listing import Completed, Entry, Listing
from openstats.storage.membership import OBJECTS, objects, variables, visible_project
from openstats.storage.upsert import one_of

customer, group, project = schema.customer, schema.project_group, schema.project
member, tenant = schema.project_group_member, schema.tenant

Values = Mapping[str, Any]

BACK: dict[str, Any] = {"deleted_at": None, "vanished": False}
"""What is written of an object that is there again."""


def _rows(kind: str, everything: bool, past: str = "none") -> Select[Any]:
    table = OBJECTS[kind]
    visible = objects(kind, everything=everything, filtered=False, past=past)
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
    pairs = _pairs(group.c.uuid, project.c.uuid).where(visible_project(scope.everything))
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


def put(db: Connection, table: Table, values: Values, now: int) -> int:
    """Create an object, or change what is given of it, and give its row id.

    It is the one that has the uuid, or else the origin: so a registry that was exported meets
    what discovery has found since. What differs from that was set by hand.
    """
    row = _present(db, table, values)
    if row is None:
        by_hand = _by_hand(table, dict.fromkeys(values, values["keystone"] is None))
        fresh = {"created_at": now, **values, **by_hand}
        return int(db.execute(insert(table).values(fresh).returning(table.c.id)).scalar_one())
    before = row._mapping
    if values.get("name") == cleaned(row.name):
        # An export spells it so, because no name holds what a cloud's text may hold.
        values = {**values, "name": row.name}
    if table is project and before["customer_id"] != values.get("customer_id", row.customer_id):
        moves.move(db, moves.PROJECTS, {row.id: values["customer_id"]}, now)
    by_hand = _by_hand(table, {name: value != before[name] for name, value in values.items()})
    kept = {"keystone", "keystone_id"} if values["keystone"] is None else set()
    changed = {n: v for n, v in values.items() if n not in kept} | BACK
    changed |= {flag: set_now or before[flag] for flag, set_now in by_hand.items()}
    dated = values.get("created_at", before["created_at"]) != before["created_at"]
    changed["undated"] = before["undated"] and not dated
    db.execute(update(table).where(table.c.id == row.id).values(changed))
    return int(row.id)


def _present(db: Connection, table: Table, values: Values) -> Any:
    same = table.c.uuid == values["uuid"]
    found = db.execute(select(table).where(same)).first()
    if found or values["keystone"] is None:
        return found
    origin = table.c.keystone == values["keystone"], table.c.keystone_id == values["keystone_id"]
    return db.execute(select(table).where(*origin)).first()


def _by_hand(table: Table, changed: Mapping[str, bool]) -> dict[str, bool]:
    """Give the flags of what discovery must not set any more."""
    flags = {"name": "name_by_hand", "customer_id": "customer_by_hand"}
    return {flags[n]: bool(c) for n, c in changed.items() if n in flags and flags[n] in table.c}


def link(db: Connection, tenant_row: int, project_row: int | None, now: int) -> None:
    """Link a tenant to a project, or to none, from now on; its quotas are read at once."""
    row = db.execute(select(tenant).where(tenant.c.id == tenant_row)).one()
    if row.project_id != project_row:
        if project_row is not None:
            quota.make_due(db, [tenant_row], now)
            jobs.make_due(db, [row.cloud_id], ["quotas"], now)
        moves.move(db, moves.TENANTS, {tenant_row: project_row}, now)
        by_hand = update(tenant).where(tenant.c.id == tenant_row)
        db.execute(by_hand.values(project_by_hand=True))


def write(kind: str, db: Connection, uuid: str, given: Values, now: int) -> None:
    """Create an object, or change what is given of it; fields are those of its entry.

    Raises:
        ConflictError: there is no such customer, or a group would hold another one's project.
    """
    owned = {"customer_id": row_of(db, customer, given["customer"])} if "customer" in given else {}
    named = {n: given[n] for n in ("name", "created_at") if n in given}
    nowhere = {"keystone": None, "keystone_id": None}
    row = put(db, OBJECTS[kind], {"uuid": uuid} | named | owned | nowhere, now)
    if kind == "project":
        if "project_groups" in given:
            join(db, row, set(given["project_groups"]))
        leave_groups(db)
    elif "projects" in given:
        fill(db, row, set(given["projects"]))
    elif kind == "project_group" and holds_others(db, row):
        raise ConflictError("it holds projects of its former customer")


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
        raise ConflictError(f"there is no {table.name.replace('_', ' ')} {uuid}")
    return int(row)


def write_tenant(db: Connection, uuid: str, given: Values, now: int) -> None:
    """Link a tenant, if a project is given.

    Raises:
        ConflictError: there is no such project.
    """
    if "project" in given:
        wanted = given["project"]
        row = db.execute(select(tenant.c.id).where(tenant.c.uuid == uuid)).scalar_one()
        link(db, row, None if wanted is None else row_of(db, project, wanted), now)


def remove(kind: str, db: Connection, uuid: str, now: int) -> None:
    """Delete an object; its row stays, and its groups, because it keeps its past.

    Raises:
        ConflictError: something belongs to it.
    """
    row = row_of(db, OBJECTS[kind], uuid)
    held = next((what for what, there in _children(kind, row) if db.scalar(select(there))), None)
    if held:
        raise ConflictError(f"it still has {held}")
    gone = update(OBJECTS[kind]).where(OBJECTS[kind].c.id == row)
    db.execute(gone.values(deleted_at=now))


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
