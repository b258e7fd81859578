"""Creation time: when objects were created, and how many in each piece of an interval."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Select, Table, bindparam, func, literal_column, select, update

from openstats.model import Interval, Scope
from openstats.storage.access.visibility import (
    OBJECTS,
    group,
    member,
    object_ever_in_scope,
    project,
    tenant,
    variables,
)
from openstats.storage.dialects import Quotient, advisory_lock
from openstats.storage.prepared import Prepared
from openstats.storage.schema import tables
from openstats.storage.store import Database


@cache
def _counts(kind: str, *, everything: bool) -> Prepared:
    """Select the number of created objects by piece; empty pieces are missing.

    ::

        SELECT ((created_at - :start + 1) * :pieces - 1) / :length AS piece, count(*)
        FROM project WHERE created_at >= :start AND created_at < :end AND <visible>
        GROUP BY piece

    A time t is in piece i when edge i <= t < edge i + 1, and edge i is start + i*length // pieces:
    the largest such i is ((t - start + 1) * pieces - 1) // length.
    """
    created_at = OBJECTS[kind].c.created_at
    start = bindparam("start", type_=BigInteger)
    pieces = bindparam("pieces", type_=BigInteger)
    length = bindparam("length", type_=BigInteger)
    piece = Quotient((created_at - start + 1) * pieces - 1, length).label("piece")
    rows = select(piece, func.count()).where(created_at >= start, created_at < bindparam("end"))
    rows = rows.where(object_ever_in_scope(kind, everything=everything))
    # By name: PostgreSQL does not recognize two expressions with parameters as equal.
    return Prepared(rows.group_by(literal_column("piece")))


@cache
def _dates(kind: str, *, everything: bool) -> Prepared:
    created_at = OBJECTS[kind].c.created_at
    rows = select(created_at, func.count())
    rows = rows.where(created_at >= bindparam("start"), created_at < bindparam("end"))
    rows = rows.where(object_ever_in_scope(kind, everything=everything))
    return Prepared(rows.group_by(created_at))


def dates(db: Database, scope: Scope, kind: str, start: int, end: int) -> Sequence[tuple[int, int]]:
    """Return the times in [start, end) at which objects were created, each with their number."""
    values = variables(scope) | {"start": start, "end": end}
    return _dates(kind, everything=scope.everything).rows(db, values)


def counts(db: Database, scope: Scope, kind: str, interval: Interval) -> dict[int, int]:
    """Return the number of created objects by piece of the interval.

    Deleted objects count, objects without a date do not. Pieces without objects are missing.
    """
    values = variables(scope) | {
        "start": interval.start,
        "end": interval.end,
        "length": interval.end - interval.start,
        "pieces": interval.datapoints,
    }
    return dict(_counts(kind, everything=scope.everything).rows(db, values))


def date_objects(db: Database, first_created: Mapping[int, int]) -> None:
    """Write the dates of undated objects: the creation of the earliest server or volume below them.

    ``first_created`` is the time of the earliest server or volume by tenant (row id), as one of the
    first two full syncs of a cloud found it. Like discovery, this function takes a lock and updates
    many rows: its transaction must not write anything before it.
    """
    advisory_lock(db, "discovery")
    _date_tenants(db, first_created)
    of_project = select(func.min(tenant.c.first_created))
    _date(db, project, of_project.where(tenant.c.project_id == project.c.id))
    # Projects that were discovered later have a date of their own, which says nothing about the age
    # of their owner.
    oldest = select(func.min(project.c.created_at)).where(project.c.undated)
    _date(db, tables.customer, oldest.where(project.c.customer_id == tables.customer.c.id))
    of_members = oldest.join(member, member.c.project_id == project.c.id)
    _date(db, group, of_members.where(member.c.project_group_id == group.c.id))


def _date_tenants(db: Database, first_created: Mapping[int, int]) -> None:
    """Write the dates of tenants (row ids) that are earlier than the stored ones."""
    rows = [{"row": row_id, "date": date} for row_id, date in first_created.items()]
    if rows:
        present = tenant.c.first_created
        is_earlier = present.is_(None) | (present > bindparam("date"))
        statement = update(tenant).where(tenant.c.id == bindparam("row"), is_earlier)
        db.execute(statement.values(first_created=bindparam("date")), rows)


def _date(db: Database, table: Table, earliest: Select[Any]) -> None:
    # A project whose tenants were moved to other projects keeps its date.
    date = func.coalesce(earliest.scalar_subquery(), table.c.created_at)
    db.execute(update(table).where(table.c.undated).values(created_at=date))
