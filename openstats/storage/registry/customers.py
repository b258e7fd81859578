"""Customers, project groups and projects: creates, changes and deletes them for callers.

What differs from what discovery found counts as set by hand, and discovery does not change it.
``entries`` reads these objects for lists.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import Final

from sqlalchemy import ColumnElement, Table, exists, select, update

from openstats.errors import ConflictError
from openstats.names import noun
from openstats.storage.access.visibility import OBJECTS
from openstats.storage.alerts import closing
from openstats.storage.registry.group_members import fill, holds_others, join, leave_groups
from openstats.storage.registry.object_rows import ObjectRow, ObjectRows
from openstats.storage.schema import tables
from openstats.storage.store import Database

customer, group, project = tables.customer, tables.project_group, tables.project
member, tenant = tables.project_group_member, tables.tenant


class Unset(Enum):
    """The type of ``UNSET``, for arguments where None is a value."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """The new values of a customer, project group or project; other values stay as they are.

    A ``created_at`` of None means unknown. ``customer`` is the new owner of a group or project.
    ``projects`` are all members of a group, ``project_groups`` all groups of a project. References
    are uuids.
    """

    name: str | None = None
    created_at: int | Unset | None = UNSET
    customer: str | None = None
    projects: Collection[str] | None = None
    project_groups: Collection[str] | None = None


def write(db: Database, kind: str, uuid: str, change: ObjectChange, now: int) -> None:
    """Create or change the object with this uuid.

    Raises:
        ConflictError: the customer does not exist, or a group would hold another customer's
            project.
    """
    rows = ObjectRows(db, OBJECTS[kind], now, uuid)
    row = rows.put({"uuid": uuid, "keystone": None, "keystone_id": None} | _columns(db, change))
    rows.write(db)
    if kind == "project":
        _write_groups(db, row["id"], change)
    elif kind == "project_group":
        _write_projects(db, row["id"], change)


def _columns(db: Database, change: ObjectChange) -> ObjectRow:
    columns: ObjectRow = {}
    if change.customer is not None:
        columns["customer_id"] = row_id(db, customer, change.customer)
    if change.name is not None:
        columns["name"] = change.name
    if change.created_at is not UNSET:
        columns["created_at"] = change.created_at
    return columns


def _write_groups(db: Database, project_id: int, change: ObjectChange) -> None:
    if change.project_groups is not None:
        join(db, project_id, set(change.project_groups))
    leave_groups(db)


def _write_projects(db: Database, group_id: int, change: ObjectChange) -> None:
    if change.projects is not None:
        fill(db, group_id, set(change.projects))
    elif holds_others(db, group_id):
        raise ConflictError("the project group still holds projects of its former customer")


def row_id(db: Database, table: Table, uuid: str) -> int:
    """Return the row id of an object that another one refers to.

    Raises:
        ConflictError: the object does not exist.
    """
    has_uuid = table.c.uuid == uuid
    if "deleted_at" in table.c:
        has_uuid &= table.c.deleted_at.is_(None)
    number = db.scalar(select(table.c.id).where(has_uuid))
    if number is None:
        raise ConflictError(f"{noun(table.name)} {uuid} not found")
    return int(number)


def delete(db: Database, kind: str, uuid: str, now: int) -> None:
    """Delete an object and close its alerts. Its row and memberships stay, for the past.

    Raises:
        ConflictError: another object belongs to it.
    """
    table = OBJECTS[kind]
    object_id = row_id(db, table, uuid)
    for children, present in _children(kind, object_id):
        if db.scalar(select(present)):
            raise ConflictError(f"the {noun(kind)} still has {children}")
    db.execute(update(table).where(table.c.id == object_id).values(deleted_at=now))
    closing.close_of_owners(db, kind, [object_id], now)


def _children(kind: str, object_id: int) -> list[tuple[str, ColumnElement[bool]]]:
    """Return the kinds of things that can belong to an object, with the condition that one does."""
    projects_exist = project.c.deleted_at.is_(None)
    if kind == "customer":
        groups = group.c.customer_id == object_id, group.c.deleted_at.is_(None)
        return [
            ("projects", exists().where(project.c.customer_id == object_id, projects_exist)),
            ("project groups", exists().where(*groups)),
        ]
    if kind == "project":
        tenants = tenant.c.project_id == object_id, tenant.c.deleted_at.is_(None)
        return [("tenants", exists().where(*tenants))]
    members = member.c.project_group_id == object_id, member.c.project_id == project.c.id
    return [("projects", exists().where(*members, projects_exist))]
