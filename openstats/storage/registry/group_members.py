"""Members of project groups, as they are set by hand.

Discovery does not remove a project that was added here, and does not add one that was removed here.
"""

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import ColumnElement, ScalarSelect, Table, and_, bindparam, delete, insert, select

from openstats.errors import ConflictError
from openstats.names import noun
from openstats.storage.dialects import add_missing, one_of
from openstats.storage.schema import tables
from openstats.storage.store import Database

group, project = tables.project_group, tables.project
member, excluded = tables.project_group_member, tables.project_group_left

Membership = tuple[int, int]
"""The row ids of a group and a project."""


def fill(db: Database, group_id: int, uuids: Collection[str]) -> None:
    """Make these projects (uuids) the only members of a group.

    Raises:
        ConflictError: a project does not belong to the group's customer.
    """
    projects = _of_customer(db, project, uuids, _owner(group, group_id))
    fill_all(db, {group_id: projects})


def fill_all(db: Database, projects: Mapping[int, Collection[int]]) -> None:
    """Make these projects the only members of each group (row ids); they belong to its customer."""
    pairs: set[Membership] = set()
    for group_id, project_ids in projects.items():
        pairs.update((group_id, project_id) for project_id in project_ids)
    of_groups = and_(one_of(member.c.project_group_id, "holders"), _exists(project))
    _replace(db, of_groups, [*projects], pairs)


def join(db: Database, project_id: int, uuids: Collection[str]) -> None:
    """Make these groups (uuids) the only groups of a project.

    Raises:
        ConflictError: a group does not belong to the project's customer.
    """
    groups = _of_customer(db, group, uuids, _owner(project, project_id))
    pairs = {(group_id, project_id) for group_id in groups}
    of_project = and_(one_of(member.c.project_id, "holders"), _exists(group))
    _replace(db, of_project, [project_id], pairs)


def _exists(table: Table) -> ColumnElement[bool]:
    """Return the condition that the other side of a membership exists; deleted ones keep theirs."""
    existing = select(table.c.id).where(table.c.deleted_at.is_(None))
    return member.c[f"{table.name}_id"].in_(existing)


def _owner(table: Table, row_id: int) -> ScalarSelect[int]:
    holder = table.alias("holder")
    return select(holder.c.customer_id).where(holder.c.id == row_id).scalar_subquery()


def _of_customer(
    db: Database, table: Table, uuids: Collection[str], owner: ScalarSelect[int]
) -> list[int]:
    """Return the row ids of existing objects by their uuids.

    Raises:
        ConflictError: an object does not belong to the owner.
    """
    existing = one_of(table.c.uuid, "listed"), table.c.deleted_at.is_(None)
    owned = select(table.c.uuid, table.c.id).where(*existing, table.c.customer_id == owner)
    row_ids = dict(db.execute(owned, {"listed": [*uuids]}).all())
    missing = sorted(set(uuids) - set(row_ids))
    if missing:
        raise ConflictError(f"its customer has no {noun(table.name)} {missing[0]}")
    return list(row_ids.values())


def _replace(
    db: Database, of_holders: ColumnElement[bool], holders: list[int], pairs: set[Membership]
) -> None:
    """Replace the memberships of groups or of projects by these pairs.

    Discovery neither restores removed memberships nor removes the new ones.
    """
    parameters = {"holders": holders}
    statement = select(member.c.project_group_id, member.c.project_id).where(of_holders)
    removed = set(db.execute(statement, parameters)) - pairs
    db.execute(delete(member).where(of_holders), parameters)
    add_missing(db, excluded, _rows(removed))
    if pairs:
        rows = _rows(pairs)
        is_row = (
            excluded.c.project_group_id == bindparam("project_group_id"),
            excluded.c.project_id == bindparam("project_id"),
        )
        db.execute(delete(excluded).where(*is_row), rows)
        db.execute(insert(member).values(by_hand=True), rows)


def _rows(pairs: Iterable[Membership]) -> list[dict[str, int]]:
    return [{"project_group_id": pair[0], "project_id": pair[1]} for pair in pairs]


OF_ANOTHER_CUSTOMER = (
    select(member.c.project_id)
    .where(
        project.c.id == member.c.project_id,
        group.c.id == member.c.project_group_id,
        project.c.customer_id != group.c.customer_id,
    )
    .correlate(member)
    .exists()
)
"""The condition that the project of a membership belongs to another customer than the group."""


def leave_groups(db: Database) -> None:
    """Remove projects that moved to another customer from the groups of the former customer."""
    db.execute(delete(member).where(OF_ANOTHER_CUSTOMER))


def holds_others(db: Database, group_id: int) -> bool:
    """Return whether a group has a project of another customer."""
    members = select(member).where(member.c.project_group_id == group_id, OF_ANOTHER_CUSTOMER)
    return db.execute(members.limit(1)).first() is not None
