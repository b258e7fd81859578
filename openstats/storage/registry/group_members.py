"""Which projects are in which project groups, as somebody sets it by hand.

Discovery takes no project out that was put in here, and puts none back that was taken out.
"""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, delete, insert, select

from openstats.errors import ConflictError
from openstats.storage.dialects import add_missing, one_of
from openstats.storage.schema import tables

group, project = tables.project_group, tables.project
member, left = tables.project_group_member, tables.project_group_left


def fill(db: Connection, group_row: int, uuids: Collection[str]) -> None:
    """Put exactly these projects into a group.

    Raises:
        ConflictError: one of them is not its customer's.
    """
    fill_all(db, {group_row: _of_customer(db, project, uuids, _owner(group, group_row), "project")})


def fill_all(db: Connection, projects: Mapping[int, Collection[int]]) -> None:
    """Put exactly these projects into each group (row ids): they are its customer's."""
    pairs = {(group_row, row) for group_row, rows in projects.items() for row in rows}
    filled = and_(one_of(member.c.project_group_id, "holders"), _there(project))
    _hold(db, filled, [*projects], pairs)


def join(db: Connection, project_row: int, uuids: Collection[str]) -> None:
    """Put a project into exactly these groups.

    Raises:
        ConflictError: one of them is not its customer's.
    """
    rows = _of_customer(db, group, uuids, _owner(project, project_row), "project group")
    pairs = {(row, project_row) for row in rows}
    _hold(db, and_(one_of(member.c.project_id, "holders"), _there(group)), [project_row], pairs)


def _there(table: Table) -> ColumnElement[bool]:
    """Return the condition that what a membership is with exists: the past keeps the others."""
    return member.c[f"{table.name}_id"].in_(select(table.c.id).where(table.c.deleted_at.is_(None)))


def _owner(table: Table, row: int) -> Any:
    holder = table.alias("holder")
    return select(holder.c.customer_id).where(holder.c.id == row).scalar_subquery()


def _of_customer(
    db: Connection, table: Table, uuids: Collection[str], owner: Any, what: str
) -> list[int]:
    mine = one_of(table.c.uuid, "listed"), table.c.deleted_at.is_(None)
    chosen = select(table.c.uuid, table.c.id).where(*mine, table.c.customer_id == owner)
    rows = {row.uuid: row.id for row in db.execute(chosen, {"listed": [*uuids]})}
    missing = sorted(set(uuids) - set(rows))
    if missing:
        raise ConflictError(f"its customer has no {what} {missing[0]}")
    return list(rows.values())


def _hold(db: Connection, which: Any, holders: list[int], pairs: set[tuple[int, int]]) -> None:
    """Replace memberships (group, project); discovery neither takes these away nor others back."""
    values = {"holders": holders}
    before = db.execute(select(member.c.project_group_id, member.c.project_id).where(which), values)
    gone = {(row[0], row[1]) for row in before} - pairs
    db.execute(delete(member).where(which), values)
    add_missing(db, left, [{"project_group_id": g, "project_id": p} for g, p in gone])
    if pairs:
        rows = [{"group": g, "project": p} for g, p in pairs]
        db.execute(delete(left).where(*_same(left)), rows)
        held = [{"project_group_id": g, "project_id": p, "by_hand": True} for g, p in pairs]
        db.execute(insert(member), held)


def _same(table: Table) -> list[Any]:
    return [
        table.c.project_group_id == bindparam("group"),
        table.c.project_id == bindparam("project"),
    ]


STRANGERS = (
    select(member.c.project_id)
    .where(
        project.c.id == member.c.project_id,
        group.c.id == member.c.project_group_id,
        project.c.customer_id != group.c.customer_id,
    )
    .correlate(member)
    .exists()
)


def leave_groups(db: Connection) -> None:
    """Take projects that were given to another customer out of the former one's groups."""
    db.execute(delete(member).where(STRANGERS))


def holds_others(db: Connection, group_row: int) -> bool:
    """Return whether a group holds a project of another customer than its own."""
    held = select(member).where(member.c.project_group_id == group_row, STRANGERS)
    return db.execute(held.limit(1)).first() is not None
