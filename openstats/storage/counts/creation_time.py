"""Creation time: when objects were created, and how many in each piece of an interval."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Select,
    Table,
    bindparam,
    func,
    literal_column,
    select,
    update,
)

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
from openstats.storage.prepared import Prepared
from openstats.storage.schema import tables
from openstats.storage.store import advisory_lock


@cache
def _counts(kind: str, *, everything: bool) -> Prepared:
    """Count by piece, in integers, so that only pieces that hold something come back.

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
    piece = (((created_at - start + 1) * pieces - 1) // length).label("piece")
    rows = select(piece, func.count()).where(created_at >= start, created_at < bindparam("end"))
    rows = rows.where(object_ever_in_scope(kind, everything=everything))
    # By its name: PostgreSQL does not see that two expressions with parameters are the same.
    return Prepared(rows.group_by(literal_column("piece")))


@cache
def _dates(kind: str, *, everything: bool) -> Prepared:
    created_at = OBJECTS[kind].c.created_at
    rows = select(created_at, func.count())
    rows = rows.where(created_at >= bindparam("start"), created_at < bindparam("end"))
    rows = rows.where(object_ever_in_scope(kind, everything=everything))
    return Prepared(rows.group_by(created_at))


def dates(
    db: Connection, scope: Scope, kind: str, start: int, end: int
) -> Sequence[tuple[int, int]]:
    """Return the dates in [start, end) at which objects were created, each with how many were."""
    values = variables(scope) | {"start": start, "end": end}
    return _dates(kind, everything=scope.everything).rows(db, values)


def counts(db: Connection, scope: Scope, kind: str, interval: Interval) -> dict[int, int]:
    """Return how many objects were created, by piece; deleted ones count, undated ones do not."""
    values = variables(scope) | {
        "start": interval.start,
        "end": interval.end,
        "length": interval.end - interval.start,
        "pieces": interval.datapoints,
    }
    return dict(_counts(kind, everything=scope.everything).rows(db, values))


def date_objects(db: Connection, first_created: Mapping[int, int]) -> None:
    """Write the dates of undated objects: that of their tenants' earliest server or volume.

    ``first_created`` is that date by tenant (row id), as one of a cloud's two first full syncs saw
    it. Like discovery this writes in many places: nothing else may have been written in its
    transaction.
    """
    advisory_lock(db, "discovery")
    _date_tenants(db, first_created)
    of_project = select(func.min(tenant.c.first_created))
    _date(db, project, of_project.where(tenant.c.project_id == project.c.id))
    # Projects that were found later have dates of their own, which say nothing of their owner's.
    oldest = select(func.min(project.c.created_at)).where(project.c.undated)
    _date(db, tables.customer, oldest.where(project.c.customer_id == tables.customer.c.id))
    of_members = oldest.join(member, member.c.project_id == project.c.id)
    _date(db, group, of_members.where(member.c.project_group_id == group.c.id))


def _date_tenants(db: Connection, first_created: Mapping[int, int]) -> None:
    """Write the dates of tenants (row ids) that are earlier than those known."""
    rows = [{"row": row_id, "date": date} for row_id, date in first_created.items()]
    if rows:
        present = tenant.c.first_created
        is_earlier = present.is_(None) | (present > bindparam("date"))
        statement = update(tenant).where(tenant.c.id == bindparam("row"), is_earlier)
        db.execute(statement.values(first_created=bindparam("date")), rows)


def _date(db: Connection, table: Table, earliest: Select[Any]) -> None:
    # One whose tenants were given to others keeps the date that it had of them.
    date = func.coalesce(earliest.scalar_subquery(), table.c.created_at)
    db.execute(update(table).where(table.c.undated).values(created_at=date))
