"""Discovery: writes what a complete read of a Keystone found: customers, groups, projects, tenants.

An object is recognized by its origin (Keystone and key), never by its name. Values that were set by
hand stay. Objects that are gone leave lists and counts (``empty_objects``); their rows and their
past stay.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from hashlib import sha256
from typing import Any
from uuid import uuid4

from sqlalchemy import Executable, Row, Table, bindparam, delete, insert, select, update

from openstats.discovery import Assignment, Origin
from openstats.model import Cloud
from openstats.storage.dialects import advisory_lock
from openstats.storage.ownership import PROJECTS
from openstats.storage.registry import empty_objects, tenants
from openstats.storage.registry.group_members import leave_groups
from openstats.storage.registry.moves import move
from openstats.storage.registry.object_rows import ObjectRow
from openstats.storage.schema import tables
from openstats.storage.store import Database

customer, project, group = tables.customer, tables.project, tables.project_group
member, excluded = tables.project_group_member, tables.project_group_left

OwnedAssignments = Sequence[tuple[Assignment, Origin]]
"""The assignments that have a customer, each with the origin of the customer."""

LONGEST_KEY = 255


def write(
    db: Database,
    cloud: Cloud,
    assignments: Sequence[Assignment],
    *,
    now: int,
    first: bool,
    unread: Set[str] = frozenset(),
) -> dict[str, int]:
    """Write the result of a complete discovery of a Keystone; return the number of objects by kind.

    ``first``: it is the first discovery, so the creation times of the objects are unknown.
    ``unread`` are ids of projects that Keystone listed but that could not be read.
    """
    # The lock is for all clouds: regions share projects, and customers named in a file belong to
    # all clouds.
    advisory_lock(db, "discovery")
    assigned = [(a, a.customer) for a in assignments if a.customer]
    empty_before = empty_objects.find(db, cloud.keystone)
    dates: ObjectRow = {"created_at": None if first else now, "undated": first}
    customers = _write_customers(db, assigned, dates)
    projects = _write_projects(db, cloud, assigned, customers, dates)
    move(db, PROJECTS, _moved(db, cloud, assigned, customers, projects), now)
    leave_groups(db)
    _write_groups(db, cloud, assigned, customers, projects, dates)
    keystone_projects = [assignment.project for assignment in assignments]
    tenants.refresh(db, cloud, keystone_projects, projects, now, unread)
    empty_objects.delete(db, cloud.keystone, empty_before, now)
    return {"customers": len(customers), "projects": len(projects), "tenants": len(assignments)}


def _write_customers(
    db: Database, assigned: OwnedAssignments, dates: ObjectRow
) -> dict[Origin, int]:
    """Write customers; return their row ids by origin."""
    names = {origin: {"name": assignment.customer_name} for assignment, origin in assigned}
    return _write_objects(db, customer, names, dates)


def _write_projects(
    db: Database,
    cloud: Cloud,
    assigned: OwnedAssignments,
    customers: Mapping[Origin, int],
    dates: ObjectRow,
) -> dict[str, int]:
    """Write projects; return their row ids by Keystone id."""
    objects: dict[Origin, ObjectRow] = {}
    for assignment, owner in assigned:
        columns = {"name": assignment.project.name, "customer_id": customers[owner]}
        objects[Origin(cloud.keystone, assignment.project.id)] = columns
    ids = _write_objects(db, project, objects, dates)
    return {origin.key: ids[origin] for origin in ids}


def _write_objects(
    db: Database, table: Table, objects: Mapping[Origin, ObjectRow], dates: ObjectRow
) -> dict[Origin, int]:
    """Update objects, which are found by origin, and insert new ones; return their row ids."""
    keystones = {origin.keystone for origin in objects}
    rows = _by_origin(db, table, keystones)
    new_rows = []
    for origin, columns in objects.items():
        if origin in rows:
            _refresh(db, table, rows[origin], columns["name"])
        else:
            new_rows.append(_new_row(origin, columns | dates))
    if new_rows:
        db.execute(insert(table), new_rows)
        rows = _by_origin(db, table, keystones)
    return {origin: rows[origin].id for origin in objects}


def _by_origin(db: Database, table: Table, keystones: Iterable[str]) -> dict[Origin, Row[Any]]:
    rows = db.execute(select(table).where(table.c.keystone.in_(sorted(keystones))))
    return {Origin(row.keystone, row.keystone_id): row for row in rows}


def _new_row(origin: Origin, columns: ObjectRow) -> ObjectRow:
    names = {"uuid": str(uuid4()), "keystone": origin.keystone, "keystone_id": origin.key}
    return names | columns


def _refresh(db: Database, table: Table, row: Row[Any], name: str) -> None:
    """Write a new name, unless the name was set by hand. ``move`` writes owners.

    A vanished object exists again; an object that was deleted by hand stays deleted.
    """
    changes: ObjectRow = {}
    if row.name != name and not row.name_by_hand:
        changes["name"] = name
    if row.vanished:
        changes |= {"vanished": False, "deleted_at": None}
    if changes:
        db.execute(update(table).where(table.c.id == row.id).values(changes))


def _moved(
    db: Database,
    cloud: Cloud,
    assigned: OwnedAssignments,
    customers: Mapping[Origin, int],
    projects: Mapping[str, int],
) -> dict[int, int | None]:
    """Return the new customers of projects (row ids) that moved, unless a move was by hand."""
    owners = _owners(db, cloud, by_hand=False)
    moved: dict[int, int | None] = {}
    for assignment, owner in assigned:
        project_id, customer_id = projects[assignment.project.id], customers[owner]
        if owners.get(project_id, customer_id) != customer_id:
            moved[project_id] = customer_id
    return moved


def _owners(db: Database, cloud: Cloud, *, by_hand: bool) -> dict[int, int]:
    """Return the customers of a Keystone's projects (row ids), with or without those by hand."""
    statement = select(project.c.id, project.c.customer_id)
    statement = statement.where(project.c.keystone == cloud.keystone)
    if not by_hand:
        statement = statement.where(~project.c.customer_by_hand)
    return dict(db.execute(statement).all())


def _write_groups(
    db: Database,
    cloud: Cloud,
    assigned: OwnedAssignments,
    customers: Mapping[Origin, int],
    projects: Mapping[str, int],
    dates: ObjectRow,
) -> None:
    """Write the groups that tags name, within each project's customer, and their members.

    A project that was moved to another customer by hand is in none of these groups.
    """
    owners = _owners(db, cloud, by_hand=True)
    groups: dict[Origin, ObjectRow] = {}
    origins: dict[int, set[Origin]] = {}
    for assignment, owner in assigned:
        project_id, customer_id = projects[assignment.project.id], customers[owner]
        origins[project_id] = set()
        if owners[project_id] == customer_id:
            for name in assignment.groups:
                origin = _group_origin(owner, name)
                groups[origin] = {"name": name, "customer_id": customer_id}
                origins[project_id].add(origin)
    ids = _write_objects(db, group, groups, dates)
    pairs: set[tuple[int, int]] = set()
    for project_id, group_origins in origins.items():
        pairs.update((project_id, ids[origin]) for origin in group_origins)
    _write_members(db, cloud, pairs, origins.keys())


def _group_origin(owner: Origin, name: str) -> Origin:
    """Return the origin by which a group is recognized; a key that is too long is hashed."""
    key = f"{owner.key}/group:{name}"
    short = key if len(key) <= LONGEST_KEY else sha256(key.encode()).hexdigest()
    return Origin(owner.keystone, short)


def _write_members(
    db: Database, cloud: Cloud, pairs: Set[tuple[int, int]], projects: Set[int]
) -> None:
    """Add projects to groups (pairs of row ids), and remove these projects from all other groups.

    Memberships that were added or removed by hand do not change.
    """
    # The condition does not list the projects: there may be more than a statement takes parameters.
    statement = select(member.c.project_id, member.c.project_group_id, member.c.by_hand)
    statement = statement.join(project, project.c.id == member.c.project_id)
    rows = db.execute(statement.where(project.c.keystone == cloud.keystone))
    present, surplus = set(), set()
    for project_id, group_id, by_hand in rows:
        present.add((project_id, group_id))
        if project_id in projects and not by_hand:
            surplus.add((project_id, group_id))
    columns = select(excluded.c.project_id, excluded.c.project_group_id)
    taken_out = set(db.execute(columns))
    _execute_all(db, insert(member), pairs - taken_out - present)
    is_pair = (
        member.c.project_id == bindparam("project_id"),
        member.c.project_group_id == bindparam("project_group_id"),
    )
    _execute_all(db, delete(member).where(*is_pair), surplus - pairs)


def _execute_all(db: Database, statement: Executable, pairs: Set[tuple[int, int]]) -> None:
    """Execute a statement for pairs of a project and a group (row ids)."""
    rows = [{"project_id": pair[0], "project_group_id": pair[1]} for pair in pairs]
    if rows:
        db.execute(statement, rows)
