"""Readings: the rows of the odometer, the slots of tenants in them, and the meter sources' cursors.

The row of a reading holds two vectors of float64, in little-endian order on every machine.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from itertools import chain, count, groupby, product, repeat
from operator import itemgetter
from typing import Any

import numpy as np
from sqlalchemy import (
    CTE,
    BindParameter,
    ColumnElement,
    Integer,
    LargeBinary,
    ScalarSelect,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
    true,
    union,
    update,
)

from openstats.errors import LateReadingError
from openstats.meters import USAGE_METERS
from openstats.model import Cloud
from openstats.readings import Reading, Readings
from openstats.storage.dialects import looks_up_constants, numbers, upsert
from openstats.storage.prepared import Prepared
from openstats.storage.registry import tenants
from openstats.storage.schema import tables
from openstats.storage.schema.types import Time
from openstats.storage.store import Database

cloud, tenant = tables.cloud, tables.tenant
reading, meter_cursor = tables.reading, tables.meter_cursor

FLOAT = np.dtype("<f8")
FIRST_SLOT = 1
"""The first slot of a tenant; slot 0 is the clock of statistics.odometer."""

LONGEST_STRETCH = 128
"""Up to this many adjacent slots, only a stretch of each vector is read."""

_WHOLE_VECTORS = (reading.c.totals, reading.c.weights)
_STRETCH_BOUNDS: tuple[BindParameter[Any], ...] = (bindparam("offset"), bindparam("length"))
_STRETCHES = (
    func.substr(reading.c.totals, *_STRETCH_BOUNDS, type_=LargeBinary).label("totals"),
    func.substr(reading.c.weights, *_STRETCH_BOUNDS, type_=LargeBinary).label("weights"),
    func.substr(reading.c.weights, 1, FLOAT.itemsize, type_=LargeBinary).label("clock"),
)


def _of_meter(cloud: Cloud, meter: str) -> ColumnElement[bool]:
    """Return the condition that a reading belongs to a meter of a cloud."""
    return and_(reading.c.cloud_id == cloud.id, reading.c.meter == meter)


def slots(db: Database, cloud: Cloud, tenant_ids: Collection[str], now: int) -> dict[str, int]:
    """Return the slots of tenants by Keystone id; give the next free slots to tenants without."""
    statement = select(tenant.c.keystone_id, tenant.c.slot)
    statement = statement.where(tenant.c.cloud_id == cloud.id, tenant.c.slot.is_not(None))
    slots_by_id = dict(db.execute(statement).all())
    without_slot = sorted(set(tenant_ids) - slots_by_id.keys())
    if without_slot:
        first = max(slots_by_id.values(), default=FIRST_SLOT - 1) + 1
        new_slots = dict(zip(without_slot, count(first), strict=False))
        _assign(db, tenants.rows_of(db, cloud, without_slot, now), new_slots)
        slots_by_id |= new_slots
    return {tenant_id: slots_by_id[tenant_id] for tenant_id in tenant_ids}


def _assign(db: Database, row_ids: Mapping[str, int], new_slots: Mapping[str, int]) -> None:
    """Write the slots of tenants (Keystone ids)."""
    statement = update(tenant).where(tenant.c.id == bindparam("row"))
    rows = [{"row": row_ids[key], "new_slot": slot} for key, slot in new_slots.items()]
    db.execute(statement.values(slot=bindparam("new_slot")), rows)


def last(db: Database, cloud: Cloud, meter: str) -> Reading | None:
    """Return the newest reading of a meter (name); None if there is none."""
    statement = select(reading).where(_of_meter(cloud, meter))
    row = db.execute(statement.order_by(reading.c.at.desc()).limit(1)).first()
    if row is None:
        return None
    return Reading(row.at, np.frombuffer(row.totals + row.weights, FLOAT).reshape(2, -1))


def append(
    db: Database, cloud: Cloud, meter: str, new: Reading, *, after_gap: bool = False
) -> None:
    """Write a reading that is later than all others.

    ``after_gap``: the readings at both ends of the gap are kept when others are thinned out.

    Raises:
        LateReadingError: there is a reading of the same time or later.
    """
    last_at = newest_at(db, cloud, meter)
    if last_at is not None and new.at <= last_at:
        raise LateReadingError(f"{cloud.name}: {meter}: {new.at} is not after {last_at}")
    if after_gap:
        gap_start = _of_meter(cloud, meter), reading.c.at == last_at
        db.execute(update(reading).where(*gap_start).values(kept=True))
    row = {"cloud_id": cloud.id, "meter": meter, "at": new.at, "kept": after_gap}
    vectors = {
        "totals": new.totals.astype(FLOAT).tobytes(),
        "weights": new.weights.astype(FLOAT).tobytes(),
    }
    db.execute(insert(reading), [row | vectors])


@cache
def _around(*, narrow: bool) -> Prepared:
    """Select, for each cloud and moment, the last reading until then and the first from then on.

    ::

        readings      R1        R2        R3        R4        R5
        moments            m1      m2                              m3
        selected      R1        R2                            R5       last one until m
                                R2        R3                           first one from m on

    Each of these is one step in the primary key (cloud_id, meter, at), however many readings there
    are. A reading that is found twice is read once, because UNION removes duplicates::

        WITH neighbours AS (
            SELECT clouds.value AS cloud_id,
                   (SELECT max(at) FROM reading WHERE cloud_id = clouds.value
                    AND meter = :meter AND at <= moments.value) AS at
            FROM clouds JOIN moments ON true
            UNION SELECT ... min(at) ... at >= moments.value ...)
        SELECT cloud_id, at, totals, weights FROM reading JOIN neighbours USING (cloud_id, at)
        WHERE meter = :meter ORDER BY cloud_id, at

    With ``narrow``, a stretch of each vector and the clock are selected instead of whole vectors.
    """
    clouds, moments = numbers("clouds"), numbers("moments")
    of_cloud = reading.c.cloud_id == clouds.c.value, reading.c.meter == bindparam("meter")
    until = select(func.max(reading.c.at)).where(*of_cloud, reading.c.at <= moments.c.value)
    since = select(func.min(reading.c.at)).where(*of_cloud, reading.c.at >= moments.c.value)
    pairs = select(clouds.c.value.label("cloud_id")).select_from(clouds.join(moments, true()))
    befores = pairs.add_columns(until.scalar_subquery().label("at"))
    afters = pairs.add_columns(since.scalar_subquery().label("at"))
    return Prepared(_at_times(union(befores, afters).cte("neighbours"), narrow=narrow))


def _at_times(times: CTE, *, narrow: bool) -> Select[Any]:
    on_clause = (reading.c.cloud_id == times.c.cloud_id) & (reading.c.at == times.c.at)
    columns = reading.c.cloud_id, reading.c.at, *(_STRETCHES if narrow else _WHOLE_VECTORS)
    rows = select(*columns).join(times, on_clause).where(reading.c.meter == bindparam("meter"))
    return rows.order_by(reading.c.cloud_id, reading.c.at)


def _around_constants(clouds: Iterable[int], moments: Iterable[int], *, narrow: bool) -> Prepared:
    """Select what ``_around`` selects; clouds and moments are constants in the statement."""
    queries = []
    for cloud_id, moment in product(clouds, moments):
        of_meter = f"FROM reading WHERE cloud_id = {cloud_id:d} AND meter = :meter"
        for extreme in (f"max(at) AS at {of_meter} AND at <=", f"min(at) {of_meter} AND at >="):
            queries.append(f"SELECT {cloud_id:d} AS cloud_id, {extreme} {moment:d}")
    times = text(" UNION ".join(queries)).columns(cloud_id=Integer, at=Time)
    return Prepared(_at_times(times.cte("neighbours"), narrow=narrow))


def around(
    db: Database,
    clouds: Iterable[int],
    meter: str,
    moments: Iterable[int],
    slots: Collection[int] = (),
) -> dict[int, Readings]:
    """Return, by cloud, the readings around each moment, in order of time: at most two for each.

    Before the first reading and after the last one, there is only one. If only ``slots`` matter and
    they are close to one another, only that stretch of the vectors is read.
    """
    cloud_ids, times = [*clouds], [*moments]
    if not cloud_ids or not times:
        return {}
    values: dict[str, object] = {"meter": meter, "moments": times, "clouds": cloud_ids}
    tenant_slots = [slot for slot in slots if slot >= FIRST_SLOT] or [FIRST_SLOT]
    first, last = min(tenant_slots), max(tenant_slots)
    narrow = bool(slots) and last - first < LONGEST_STRETCH
    if narrow:
        size = FLOAT.itemsize
        values |= {"offset": 1 + first * size, "length": (last - first + 1) * size}
    if looks_up_constants(db):
        statement = _around_constants(cloud_ids, times, narrow=narrow)
    else:
        statement = _around(narrow=narrow)
    rows = groupby(statement.rows(db, values), itemgetter(0))
    return {cloud: _columns(group, first if narrow else FIRST_SLOT) for cloud, group in rows}


def _columns(rows: Iterable[tuple[Any, ...]], first: int) -> Readings:
    """Return rows of ``_around`` as columns.

    The vectors are whole, or a stretch that begins with the slot ``first``. Shorter vectors are
    padded with NaN.
    """
    _, at, totals, weights, *clocks = zip(*rows, strict=True)
    longest = max(map(len, totals))
    # A float64 with all bits set is a NaN.
    padding = [b"\xff" * (longest - len(vector)) for vector in totals]
    parts: list[Iterable[bytes]] = [totals, padding, weights, padding]
    if clocks:
        parts = [repeat(bytes(FLOAT.itemsize)), totals, padding, clocks[0], weights, padding]
    vectors = b"".join(chain.from_iterable(zip(*parts, strict=False)))
    return Readings(np.array(at), np.frombuffer(vectors, FLOAT).reshape(len(at), 2, -1), first)


def newest(cloud_id: ColumnElement[int] | int, meter: str) -> ScalarSelect[int | None]:
    """Return an expression for the time of the newest reading of a meter; NULL for none."""
    of_meter = reading.c.cloud_id == cloud_id, reading.c.meter == meter
    return select(func.max(reading.c.at)).where(*of_meter).scalar_subquery()


def newest_at(db: Database, cloud: Cloud, meter: str) -> int | None:
    """Return the time of the newest reading of a meter; None for none."""
    return db.scalar(select(newest(cloud.id, meter)))


def newest_by_meter(db: Database, cloud: Cloud) -> dict[str, int]:
    """Return the time of the newest reading by meter; meters without readings are missing."""
    row = db.execute(select(*(newest(cloud.id, name) for name in USAGE_METERS))).one()
    return {name: at for name, at in zip(USAGE_METERS, row, strict=True) if at is not None}


@cache
def _newest_by_cloud(meters: tuple[str, ...]) -> Prepared:
    return Prepared(select(cloud.c.id, *(newest(cloud.c.id, meter) for meter in meters)))


def newest_by_cloud(db: Database, meters: Iterable[str]) -> dict[int, dict[str, int | None]]:
    """Return, by cloud (row id) and meter, the time of the newest reading; None for never."""
    names = tuple(meters)
    rows = _newest_by_cloud(names).rows(db, {})
    return {cloud_id: dict(zip(names, times, strict=True)) for cloud_id, *times in rows}


def times(db: Database, cloud: Cloud, meter: str) -> list[tuple[int, bool]]:
    """Return the times of all readings of a meter in order, and whether thinning keeps each."""
    statement = select(reading.c.at, reading.c.kept).where(_of_meter(cloud, meter))
    return [*map(tuple, db.execute(statement.order_by(reading.c.at)))]


def delete_at(db: Database, cloud: Cloud, meter: str, moments: Sequence[int]) -> None:
    """Delete the readings of a meter at these times."""
    if moments:
        old = delete(reading).where(_of_meter(cloud, meter), reading.c.at == bindparam("moment"))
        db.execute(old, [{"moment": moment} for moment in moments])


def cursor(db: Database, cloud: Cloud, source: str) -> dict[str, Any]:
    """Return what a meter source stored for its next reading; empty before the first."""
    of_source = meter_cursor.c.cloud_id == cloud.id, meter_cursor.c.source == source
    content = db.scalar(select(meter_cursor.c.content).where(*of_source))
    return {} if content is None else dict(json.loads(content))


def write_cursor(db: Database, cloud: Cloud, source: str, content: Mapping[str, object]) -> None:
    """Write what a meter source needs for its next reading, in the transaction of its readings."""
    row = {"cloud_id": cloud.id, "source": source, "content": json.dumps(dict(content))}
    upsert(db, meter_cursor, [row])
