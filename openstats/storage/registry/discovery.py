"""What discovery finds becomes customers, groups, projects and tenants.

An object is known again by its origin (Keystone, key), never by its name; what was set by hand
stays; what is gone leaves lists and counts (``empty_objects``), and keeps its row and its past.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from hashlib import sha256
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Table, bindparam, delete, insert, select, update

from openstats.model import Assignment, Cloud, Origin
from openstats.storage.ownership import PROJECTS
from openstats.storage.registry import empty_objects, tenants
from openstats.storage.registry.group_members import leave_groups
from openstats.storage.registry.moves import move
from openstats.storage.schema import tables
from openstats.storage.store import advisory_lock

customer, project, group = tables.customer, tables.project, tables.project_group
member, left = tables.project_group_member, tables.project_group_left

Placed = tuple[Assignment, Origin]

LONGEST_KEY = 255


def place(
    db: Connection,
    cloud: Cloud,
    placings: Sequence[Assignment],
    *,
    now: int,
    first: bool,
    unread: Set[str] = frozenset(),
) -> dict[str, int]:
    """Write what a complete sweep of a cloud's Keystone found; tell how much there is.

    ``first``: nothing is known of when these came into being. ``unread`` are ids of projects that
    it showed, and that could not be read.
    """
    # Regions share projects, and a file's customers are those of all clouds.
    advisory_lock(db, "discovery")
    placed = [(p, p.customer) for p in placings if p.customer]
    idle = empty_objects.idle(db, cloud.keystone)
    born = {"created_at": None if first else now, "undated": first}
    customers = _known_again(
        db, customer, {owner: {"name": p.customer_name} for p, owner in placed}, born
    )
    projects = _known_again(db, project, _projects(cloud, placed, customers), born)
    owners = {projects[Origin(cloud.keystone, p.project.id)]: customers[o] for p, o in placed}
    move(db, PROJECTS, _moved(db, cloud, owners), now)
    leave_groups(db)
    _groups(db, placed, customers, projects, cloud, born)
    links = {p.project.id: projects[Origin(cloud.keystone, p.project.id)] for p, _ in placed}
    tenants.refresh(db, cloud, [p.project for p in placings], links, now, unread)
    empty_objects.vanish(db, cloud.keystone, idle, now)
    return {"customers": len(customers), "projects": len(projects), "tenants": len(placings)}


def _projects(
    cloud: Cloud, placed: Iterable[Placed], customers: Mapping[Origin, int]
) -> dict[Origin, dict[str, Any]]:
    return {
        Origin(cloud.keystone, p.project.id): {
            "name": p.project.name,
            "customer_id": customers[owner],
        }
        for p, owner in placed
    }


def _known_again(
    db: Connection, table: Table, wanted: Mapping[Origin, dict[str, Any]], born: dict[str, Any]
) -> dict[Origin, int]:
    """Bring objects up to date by their origin, add the new ones, and give their row ids."""
    rows = _by_origin(db, table, {origin.keystone for origin in wanted})
    new = [
        {
            "uuid": str(uuid4()),
            "keystone": origin.keystone,
            "keystone_id": origin.key,
            **values,
            **born,
        }
        for origin, values in wanted.items()
        if origin not in rows
    ]
    if new:
        db.execute(insert(table), new)
    for origin, values in wanted.items():
        if origin in rows:
            _refresh(db, table, rows[origin], values)
    if new:
        rows = _by_origin(db, table, {origin.keystone for origin in wanted})
    return {origin: rows[origin].id for origin in wanted}


def _by_origin(db: Connection, table: Table, keystones: Iterable[str]) -> dict[Origin, Any]:
    found = db.execute(select(table).where(table.c.keystone.in_(sorted(keystones))))
    return {Origin(row.keystone, row.keystone_id): row for row in found}


def _refresh(db: Connection, table: Table, row: Any, values: dict[str, Any]) -> None:
    """Write another name, unless it was given by hand; who owns what is for ``move``.

    What had vanished is back; what was deleted by hand stays so.
    """
    changed: dict[str, Any] = {}
    if row.name != values["name"] and not row.name_by_hand:
        changed["name"] = values["name"]
    if row.vanished:
        changed |= {"vanished": False, "deleted_at": None}
    if changed:
        db.execute(update(table).where(table.c.id == row.id).values(changed))


def _moved(db: Connection, cloud: Cloud, owners: Mapping[int, int]) -> dict[int, int | None]:
    """Give those projects (row ids) that are another customer's now, unless by hand."""
    mine = project.c.keystone == cloud.keystone, ~project.c.customer_by_hand
    found = db.execute(select(project.c.id, project.c.customer_id).where(*mine))
    before = {row.id: row.customer_id for row in found}
    return {row: owner for row, owner in owners.items() if before.get(row, owner) != owner}


def _groups(
    db: Connection,
    placed: Iterable[Placed],
    customers: Mapping[Origin, int],
    projects: Mapping[Origin, int],
    cloud: Cloud,
    born: dict[str, Any],
) -> None:
    """Make the groups that tags name, within the project's customer, and fill them.

    A project that was given to another customer by hand is in none of them.
    """
    owners = _owners(db, cloud)
    wanted: dict[Origin, dict[str, Any]] = {}
    members: dict[int, set[Origin]] = {}
    for p, owner in placed:
        row = projects[Origin(cloud.keystone, p.project.id)]
        names = p.groups if owners[row] == customers[owner] else ()
        origins = {_group_origin(owner, name): name for name in names}
        wanted |= {
            o: {"name": name, "customer_id": customers[owner]} for o, name in origins.items()
        }
        members[row] = set(origins)
    ids = _known_again(db, group, wanted, born)
    _members(db, cloud, {row: {ids[o] for o in origins} for row, origins in members.items()})


def _group_origin(owner: Origin, name: str) -> Origin:
    """Give what makes a group the same next time; two long tags together are too long for a key."""
    key = f"{owner.key}/group:{name}"
    short = key if len(key) <= LONGEST_KEY else sha256(key.encode()).hexdigest()
    return Origin(owner.keystone, short)


def _owners(db: Connection, cloud: Cloud) -> dict[int, int]:
    mine = select(project.c.id, project.c.customer_id).where(project.c.keystone == cloud.keystone)
    return {row.id: row.customer_id for row in db.execute(mine)}


def _members(db: Connection, cloud: Cloud, wanted: Mapping[int, set[int]]) -> None:
    # Not by the ids of the projects: there may be more than a statement takes parameters.
    mine = select(member).join(project, project.c.id == member.c.project_id)
    found = db.execute(mine.where(project.c.keystone == cloud.keystone))
    there = {(row.project_id, row.project_group_id): row.by_hand for row in found}
    taken = {(row.project_id, row.project_group_id) for row in db.execute(select(left))}
    known = taken.union(there)
    new = [(p, g) for p, groups in wanted.items() for g in groups if (p, g) not in known]
    gone = [
        {"left": p, "group": g}
        for (p, g), by_hand in there.items()
        if not by_hand and g not in wanted.get(p, {g})
    ]
    if new:
        db.execute(insert(member), [{"project_id": p, "project_group_id": g} for p, g in new])
    if gone:
        these = (
            member.c.project_id == bindparam("left"),
            member.c.project_group_id == bindparam("group"),
        )
        db.execute(delete(member).where(*these), gone)
