"""Creation time: when objects were created, and how many in each piece of an interval."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
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
def _counts(kind: str, everything: bool) -> Prepared:
    """Count by piece, in whole numbers, so that only pieces that hold something come back.

    A time t is in piece i when edge i <= t < edge i + 1, and edge i is start + i*length // pieces:
    the largest such i is ((t - start + 1) * pieces - 1) // length.
    """
    born = _born(kind)
    start, pieces, length = (
        bindparam(name, type_=BigInteger) for name in ("start", "pieces", "length")
    )
    piece = (((born - start + 1) * pieces - 1) // length).label("piece")
    counted = select(piece, func.count()).where(born >= start, born < bindparam("end"))
    counted = counted.where(object_ever_in_scope(kind, everything=everything))
    # By its name: PostgreSQL does not see that two expressions with parameters are the same.
    return Prepared(counted.group_by(literal_column("piece")))


def _born(kind: str) -> ColumnElement[Any]:
    return OBJECTS[kind].c.created_at


@cache
def _dates(kind: str, everything: bool) -> Prepared:
    born = _born(kind)
    within = born >= bindparam("start"), born < bindparam("end")
    visible = object_ever_in_scope(kind, everything=everything)
    return Prepared(select(born, func.count()).where(*within, visible).group_by(born))


def dates(
    db: Connection, scope: Scope, kind: str, start: int, end: int
) -> Sequence[tuple[int, int]]:
    """Return the dates in [start, end) at which objects were created, each with how many were."""
    values = variables(scope) | {"start": start, "end": end}
    return _dates(kind, scope.everything).rows(db, values)


def counts(db: Connection, scope: Scope, kind: str, interval: Interval) -> dict[int, int]:
    """Give, by piece, how many objects were created in it; deleted ones count, undated do not."""
    values = variables(scope) | {
        "start": interval.start,
        "end": interval.end,
        "length": interval.end - interval.start,
        "pieces": interval.datapoints,
    }
    return dict(_counts(kind, scope.everything).rows(db, values))


def date_objects(db: Connection, first_created: Mapping[int, int]) -> None:
    """Give undated objects the date of their tenants' earliest server or volume.

    ``first_created`` is that date by tenant row, as one of a cloud's two first sweeps saw it. Like
    discovery it writes in many places: nothing else may have been written in its transaction.
    """
    advisory_lock(db, "discovery")
    earlier = (tenant.c.first_created.is_(None)) | (tenant.c.first_created > bindparam("seen"))
    if first_created:
        statement = update(tenant).where(tenant.c.id == bindparam("row"), earlier)
        rows = [{"row": row, "seen": seen} for row, seen in first_created.items()]
        db.execute(statement.values(first_created=bindparam("seen")), rows)
    _date(
        db,
        project,
        select(func.min(tenant.c.first_created)).where(tenant.c.project_id == project.c.id),
    )
    born = func.min(project.c.created_at)
    # Projects that were found later have dates of their own, which say nothing of their owner's.
    oldest = select(born).where(project.c.undated)
    _date(db, tables.customer, oldest.where(project.c.customer_id == tables.customer.c.id))
    mine = oldest.join(member, member.c.project_id == project.c.id)
    _date(db, group, mine.where(member.c.project_group_id == group.c.id))


def _date(db: Connection, table: Table, earliest: Any) -> None:
    # One whose tenants were given to others keeps the date that it had of them.
    date = func.coalesce(earliest.scalar_subquery(), table.c.created_at)
    db.execute(update(table).where(table.c.undated).values(created_at=date))
