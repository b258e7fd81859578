"""Usage: what customers, groups and projects used in each piece of an interval."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openstats.meters import MEAN, OBSERVED, SHARE, UsageMeter
from openstats.model import Coverage, ObjectName
from openstats.readings import Members, Readings
from openstats.statistics.odometer import CLOCK, interpolate

DIGITS = 6
"""Decimals of a value: what lies behind them is the noise of long sums."""

COLUMNS = ("tenants", "clouds", "slots", "owners", "since", "until")

Matrix = NDArray[np.float64]
Known = NDArray[np.bool_]
Places = NDArray[np.intp]

CLOCKS = np.array([CLOCK])
FIRST = np.array([True])
"""What is first begins something, whatever follows."""


def values(
    meter: UsageMeter,
    edges: Sequence[int],
    members: Members,
    readings: Mapping[int, Readings],
    seen: Mapping[int, Readings] | None = None,
) -> tuple[Matrix, Known]:
    """Give the values of all objects, and which are known: a row for each piece.

    ``readings`` are by cloud, and hold those around each edge and each move between edges. A value
    is known where all clouds in which an object has tenants were observed, and those tenants, too:
    where the meter does not keep that, ``seen`` does, readings of the one in ``meters.OBSERVED``.
    """
    shape = len(edges) - 1, len(members.objects)
    totals, weights, known = np.zeros(shape), np.zeros(shape), np.ones(shape, np.bool_)
    for cloud, mine in by_cloud(members):
        if cloud not in readings:
            known[:, mine.owners] = False
            continue
        gained, weighed, observed = _gains(meter, edges, mine, readings[cloud])
        if seen and cloud in seen:
            observed = observed & _measured(OBSERVED[meter.name], edges, mine, seen[cloud])
        first = starts(mine.owners)
        owners = mine.owners[first]
        totals[:, owners] += pieces(np.add, gained, first, 1)
        known[:, owners] &= pieces(np.logical_and, observed, first, 1)
        if meter.kind == SHARE:
            weights[:, owners] += pieces(np.add, weighed, first, 1)
    if meter.kind == SHARE:
        # Clocks that do not agree may make a busy hour one of more than 60 minutes.
        totals = _quotient(totals * 100, weights).clip(0, 100)
    return totals.round(DIGITS), known


def _measured(
    meter: UsageMeter, edges: Sequence[int], members: Members, readings: Readings
) -> Known:
    """Return in which pieces each member was observed; all of them in which nobody kept that."""
    _, _, known = _gains(meter, edges, members, readings)
    clock: Matrix = interpolate(readings, np.array(edges), CLOCKS, meter)[:, 1, :]
    unkept: Known = np.diff(clock, axis=0) == 0
    return known | unkept


def _quotient(totals: Matrix, weights: Matrix) -> Matrix:
    return np.divide(totals, weights, out=np.zeros(totals.shape), where=weights > 0)


def by_cloud(members: Members) -> Iterator[tuple[int, Members]]:
    """Cut the members into those of each cloud, by which they are in order."""
    clouds = sorted(set(members.clouds.tolist()))
    if len(clouds) == 1:
        yield clouds[0], members
        return
    for cloud in clouds:
        mine = slice(*np.searchsorted(members.clouds, [cloud, cloud + 1]))
        yield cloud, Members(members.objects, *(getattr(members, n)[mine] for n in COLUMNS))


def _gains(
    meter: UsageMeter, edges: Sequence[int], members: Members, readings: Readings
) -> tuple[Matrix, Matrix, Known]:
    """Give what each member contributes to each piece: total, weight, and whether it is known."""
    moments = np.array(cuts(edges, members))
    first = moments.searchsorted(edges[:-1])
    # The clock is the last column.
    found = interpolate(readings, moments, np.concatenate((members.slots, CLOCKS)), meter)
    passed = found[1:] - found[:-1]
    gained, weighed = passed[:, 0, :-1], passed[:, 1, :-1]
    seen = pieces(np.add, passed[:, 1, -1:], first) > 0
    owned = belongs(moments, members)
    gained = pieces(np.add, gained * owned, first)
    if meter.kind == SHARE:
        # A tenant without a slot has the clock's, whose weight is no vCPU's.
        weight = pieces(np.add, weighed * owned * (members.slots != CLOCK), first)
        return gained, weight, np.repeat(seen, len(members.slots), axis=1)
    # All of the tenant's time, whosever it was then: a mean over less would count it as more.
    whole = pieces(np.add, weighed, first)
    there = pieces(np.logical_or, owned, first)
    value = _quotient(gained, whole) if meter.kind == MEAN else gained / 3600
    return value, whole, seen & ((whole > 0) | ~there)


def cuts(edges: Sequence[int], members: Members) -> list[int]:
    """Give the edges, and the moments between them at which members come or go."""
    moves = {*members.since.tolist(), *members.until.tolist()}
    return sorted({*edges, *(at for at in moves if edges[0] < at < edges[-1])})


def belongs(cuts: NDArray[np.int64], members: Members) -> Known:
    """Tell which members count between two cuts: a row for each two."""
    begins, ends = cuts[:-1, None], cuts[1:, None]
    return (members.since <= begins) & (members.until >= ends)


def starts(owners: NDArray[np.int64]) -> Places:
    """Tell where the members of each owner begin."""
    return np.concatenate((FIRST, owners[1:] != owners[:-1])).nonzero()[0]


def pieces(how: np.ufunc, found: Any, first: Places, axis: int = 0) -> Any:
    """Put together the rows, or columns, from each of ``first`` to the next; mostly it is one."""
    return found if found.shape[axis] == len(first) else how.reduceat(found, first, axis)


def coverage(
    members: Members,
    read_at: Mapping[int, int | None],
    *,
    whole: bool,
    unobserved: Container[int] = (),
    also: Iterable[int] = (),
) -> Coverage:
    """Return of how many tenants and clouds a meter was read, and when the last of the clouds was.

    ``read_at`` is when each cloud was read last, ``unobserved`` are clouds that were not when it
    matters. ``whole`` counts all clouds, and not only those in which the members are, and ``also``.
    """
    counted = slice(None) if members.counted is None else members.counted > 0
    pairs = members.tenants[counted].tolist(), members.clouds[counted].tolist()
    tenants = dict(zip(*pairs, strict=True))
    clouds = set(read_at) if whole else {*tenants.values(), *also}
    times = [at for cloud in clouds if (at := read_at[cloud]) is not None]
    known = {cloud for cloud in clouds if read_at[cloud] is not None and cloud not in unobserved}
    seen = sum(cloud in known for cloud in tenants.values())
    return Coverage(len(tenants), seen, len(clouds), len(known), min(times, default=None))


def listing(
    objects: Iterable[ObjectName],
    edges: Sequence[int],
    found: tuple[Matrix, Known],
    *,
    with_uuid: bool = False,
    fill_null: bool = False,
    observed: Matrix | None = None,
) -> list[dict[str, object]]:
    """Return one entry an object, with a ``{from, to, value}`` for each piece.

    What is not known is 0, or with ``fill_null`` None. ``observed`` are shares, to be shown.
    """
    figures, known = found
    shown: Any = figures
    if fill_null:
        shown = figures.astype(object)
        shown[~known] = None
    bounds = list(pairwise(edges))
    points = [
        [
            {"from": start, "to": end, "value": value}
            for (start, end), value in zip(bounds, row, strict=True)
        ]
        for row in shown.T.tolist()
    ]
    if observed is not None:
        for row, shares in zip(points, observed.T.round(DIGITS).tolist(), strict=True):
            for point, share in zip(row, shares, strict=True):
                point["observed"] = share
    return [
        _named(of, with_uuid) | {"datapoints": row} for of, row in zip(objects, points, strict=True)
    ]


def _named(of: ObjectName, with_uuid: bool) -> dict[str, object]:
    named: dict[str, object] = {"name": of.name}
    if with_uuid:
        named["uuid"] = of.uuid
        if of.customer is not None:
            named["customer"] = of.customer
    return named
