"""Usage: the readings of the odometer, the slots of tenants in them, and meter sources' cursors.

A reading is a row that holds two vectors, float64 in little-endian order, whatever the machine.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from itertools import chain, groupby, repeat
from operator import itemgetter
from typing import Any

import numpy as np
from sqlalchemy import (
    Connection,
    LargeBinary,
    bindparam,
    delete,
    func,
    insert,
    select,
    true,
    update,
)

from openstats.errors import LateReadingError
from openstats.meters import USAGE_METERS
from openstats.model import Cloud
from openstats.readings import Reading, Readings
from openstats.storage.dialects import numbers, upsert
from openstats.storage.prepared import Prepared
from openstats.storage.registry import tenants
from openstats.storage.schema import tables

cloud, tenant = tables.cloud, tables.tenant
reading, meter_cursor = tables.reading, tables.meter_cursor

FLOAT = np.dtype("<f8")
FIRST_SLOT = 1
"""Slot 0 is the clock of statistics.odometer."""

NARROW = 128
"""How many slots side by side are read without the rest of a vector."""

_WHOLE = (reading.c.totals, reading.c.weights)
_STRETCH = (
    *(
        func.substr(vector, bindparam("offset"), bindparam("length"), type_=LargeBinary).label(name)
        for name, vector in (("totals", reading.c.totals), ("weights", reading.c.weights))
    ),
    func.substr(reading.c.weights, 1, FLOAT.itemsize, type_=LargeBinary).label("clock"),
)


def slots(db: Connection, owner: Cloud, ids: Collection[str], now: int) -> dict[str, int]:
    """Give the slots of tenants by Keystone id; those without one get the next that is free."""
    mine = tenant.c.cloud_id == owner.id, tenant.c.slot.is_not(None)
    found = db.execute(select(tenant.c.tenant_id, tenant.c.slot).where(*mine))
    known = {row.tenant_id: row.slot for row in found}
    new = sorted(set(ids) - set(known))
    if new:
        rows = tenants.rows_of(db, owner, new, now)
        first = max(known.values(), default=FIRST_SLOT - 1) + 1
        known |= {key: first + i for i, key in enumerate(new)}
        given = update(tenant).where(tenant.c.id == bindparam("row"))
        places = [{"row": rows[key], "place": known[key]} for key in new]
        db.execute(given.values(slot=bindparam("place")), places)
    return {key: known[key] for key in ids}


def last(db: Connection, owner: Cloud, meter: str) -> Reading | None:
    """Give the newest reading of a meter, by its name."""
    mine = reading.c.cloud_id == owner.id, reading.c.meter == meter
    row = db.execute(select(reading).where(*mine).order_by(reading.c.at.desc()).limit(1)).first()
    if row is None:
        return None
    return Reading(row.at, np.frombuffer(row.totals + row.weights, FLOAT).reshape(2, -1))


def append(
    db: Connection, owner: Cloud, meter: str, found: Reading, *, after_gap: bool = False
) -> None:
    """Write a reading that is later than all others; both ends of a gap outlive their neighbours.

    Raises:
        LateReadingError: there is one of its time or later.
    """
    mine = reading.c.cloud_id == owner.id, reading.c.meter == meter
    before = newest_at(db, owner, meter)
    if before is not None and found.at <= before:
        raise LateReadingError(f"{owner.name}: {meter}: {found.at} is not after {before}")
    if after_gap:
        db.execute(update(reading).where(*mine, reading.c.at == before).values(kept=True))
    vectors = {
        "totals": found.totals.astype(FLOAT).tobytes(),
        "weights": found.weights.astype(FLOAT).tobytes(),
    }
    row = {"cloud_id": owner.id, "meter": meter, "at": found.at, "kept": after_gap}
    db.execute(insert(reading), [row | vectors])


@cache
def _around(narrow: bool) -> Prepared:
    """Select, for each cloud and moment, the last reading until then and the first from then on.

    Whole, or of their vectors a stretch, and the clock.
    """
    moments, clouds = numbers("moments"), numbers("clouds")
    mine = reading.c.cloud_id == clouds.c.value, reading.c.meter == bindparam("meter")
    before = select(func.max(reading.c.at)).where(*mine, reading.c.at <= moments.c.value)
    after = select(func.min(reading.c.at)).where(*mine, reading.c.at >= moments.c.value)
    ends = [
        select(clouds.c.value.label("cloud_id"), end.scalar_subquery().label("at")).select_from(
            clouds.join(moments, true())
        )
        for end in (before, after)
    ]
    wanted = ends[0].union(ends[1]).cte("wanted")
    joined = (reading.c.cloud_id == wanted.c.cloud_id) & (reading.c.at == wanted.c.at)
    columns = reading.c.cloud_id, reading.c.at, *(_STRETCH if narrow else _WHOLE)
    found = select(*columns).join(wanted, joined).where(reading.c.meter == bindparam("meter"))
    return Prepared(found.order_by(reading.c.cloud_id, reading.c.at))


def around(
    db: Connection,
    clouds: Iterable[int],
    meter: str,
    moments: Iterable[int],
    slots: Collection[int] = (),
) -> dict[int, Readings]:
    """Give, by cloud, the readings around each moment, in order: at most two for each.

    Before the first and after the last there is but that one. Where ``slots`` that are near to one
    another are all that matters, no more of the vectors than that stretch is read.
    """
    values: dict[str, Any] = {"meter": meter, "moments": [*moments]}
    values["clouds"] = [*clouds]
    wanted = [slot for slot in slots if slot >= FIRST_SLOT] or [FIRST_SLOT]
    first, last = min(wanted), max(wanted)
    narrow = bool(slots) and last - first < NARROW
    if narrow:
        size = FLOAT.itemsize
        values |= {"offset": 1 + first * size, "length": (last - first + 1) * size}
    rows = groupby(_around(narrow).rows(db, values), itemgetter(0))
    return {cloud: _columns(mine, first if narrow else FIRST_SLOT) for cloud, mine in rows}


def _columns(rows: Iterable[Any], first: int) -> Readings:
    """Put rows of ``_around`` together, be they whole or a stretch from the slot ``first`` on.

    Shorter ones are filled up with NaN.
    """
    _, at, totals, weights, *clocks = zip(*rows, strict=True)
    longest = max(map(len, totals))
    # All bits set are a NaN.
    lacking = [b"\xff" * (longest - len(part)) for part in totals]
    parts: list[Iterable[bytes]] = [totals, lacking, weights, lacking]
    if clocks:
        parts = [repeat(bytes(FLOAT.itemsize)), *parts[:2], clocks[0], *parts[2:]]
    joined = b"".join(chain.from_iterable(zip(*parts, strict=False)))
    vectors = np.frombuffer(joined, FLOAT).reshape(len(at), 2, -1)
    return Readings(np.array(at), vectors, first)


def newest(owner: Any, meter: Any) -> Any:
    """Give, as an expression, the time of the newest reading of a cloud's meter; NULL for none."""
    mine = reading.c.cloud_id == owner, reading.c.meter == meter
    return select(func.max(reading.c.at)).where(*mine).scalar_subquery()


def newest_at(db: Connection, owner: Cloud, meter: str) -> int | None:
    """Give the time of the newest reading of a meter."""
    at: int | None = db.scalar(select(newest(owner.id, meter)))
    return at


def ends(db: Connection, owner: Cloud) -> dict[str, int]:
    """Give the time of the newest reading by meter; what has none is not in it."""
    row = db.execute(select(*(newest(owner.id, name) for name in USAGE_METERS))).one()
    return {name: at for name, at in zip(USAGE_METERS, row, strict=True) if at is not None}


@cache
def _newest_of_clouds(meters: tuple[str, ...]) -> Prepared:
    return Prepared(select(cloud.c.id, *(newest(cloud.c.id, meter) for meter in meters)))


def newest_of_clouds(db: Connection, meters: Iterable[str]) -> dict[int, dict[str, int | None]]:
    """Give, for each cloud, when meters were read last; None for never."""
    names = tuple(meters)
    rows = _newest_of_clouds(names).rows(db, {})
    return {row[0]: dict(zip(names, row[1:], strict=True)) for row in rows}


def times(db: Connection, owner: Cloud, meter: str) -> list[tuple[int, bool]]:
    """Give the times of all readings of a meter, in order, and whether each is kept for ever."""
    mine = reading.c.cloud_id == owner.id, reading.c.meter == meter
    found = select(reading.c.at, reading.c.kept).where(*mine).order_by(reading.c.at)
    return [(row.at, row.kept) for row in db.execute(found)]


def forget(db: Connection, owner: Cloud, meter: str, at: Sequence[int]) -> None:
    """Delete readings by their times."""
    mine = reading.c.cloud_id == owner.id, reading.c.meter == meter
    if at:
        gone = delete(reading).where(*mine, reading.c.at == bindparam("gone"))
        db.execute(gone, [{"gone": moment} for moment in at])


def cursor(db: Connection, owner: Cloud, source: str) -> dict[str, Any]:
    """Give what a meter source left for its next reading; empty before the first."""
    mine = meter_cursor.c.cloud_id == owner.id, meter_cursor.c.source == source
    content = db.scalar(select(meter_cursor.c.content).where(*mine))
    return {} if content is None else dict(json.loads(content))


def keep_cursor(db: Connection, owner: Cloud, source: str, content: Mapping[str, Any]) -> None:
    """Leave something for the next reading; it is written with the readings or not at all."""
    row = {"cloud_id": owner.id, "source": source, "content": json.dumps(dict(content))}
    upsert(db, meter_cursor, [row])
