"""Usage: what customers, groups and projects used in each piece of an interval."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openstats.meters import MEAN, SHARE, UsageMeter
from openstats.model import Members, ObjectName, Reading
from openstats.statistics.odometer import CLOCK, along

DIGITS = 6
"""Decimals of a value: what lies behind them is the noise of long sums."""

Matrix = NDArray[np.float64]
Known = NDArray[np.bool_]


def values(
    meter: UsageMeter,
    edges: Sequence[int],
    members: Members,
    readings: Mapping[int, Sequence[Reading]],
) -> tuple[Matrix, Known]:
    """Give the values of all objects, and which are known: a row for each piece.

    ``readings`` are by cloud, and hold those around each edge and each move between edges. A value
    is known where all clouds in which an object has tenants were observed.
    """
    shape = len(edges) - 1, len(members.objects)
    totals, weights, known = np.zeros(shape), np.zeros(shape), np.ones(shape, np.bool_)
    for cloud in np.unique(members.clouds):
        mine = _of_cloud(members, cloud)
        there = readings.get(int(cloud), ())
        if not there:
            known[:, mine.owners] = False
            continue
        gained, weighed, observed = _gains(meter, edges, mine, there)
        _add(totals, gained, mine.owners)
        _add(weights, weighed, mine.owners)
        missed = np.zeros(shape)
        _add(missed, ~observed, mine.owners)
        known &= missed == 0
    return np.round(_values_of(meter, totals, weights), DIGITS), known


def _values_of(meter: UsageMeter, totals: Matrix, weights: Matrix) -> Matrix:
    if meter.kind != SHARE:
        return totals
    return _quotient(totals * 100, weights)


def _quotient(totals: Matrix, weights: Matrix) -> Matrix:
    return np.divide(totals, weights, out=np.zeros_like(totals), where=weights > 0)


def _of_cloud(members: Members, cloud: int) -> Members:
    """Give the members of one cloud, those of one owner side by side."""
    rows = np.flatnonzero(members.clouds == cloud)
    rows = rows[np.argsort(members.owners[rows], kind="stable")]
    columns = (members.clouds, members.slots, members.owners, members.since, members.until)
    return Members(members.objects, *(column[rows] for column in columns))


def _gains(
    meter: UsageMeter, edges: Sequence[int], members: Members, readings: Sequence[Reading]
) -> tuple[Matrix, Matrix, Known]:
    """Give what each member contributes to each piece: total, weight, and whether it is known."""
    moments = cuts(edges, members)
    first = np.searchsorted(moments, edges[:-1])
    totals, weights = along(readings, moments, np.append(members.slots, CLOCK), meter)
    gained, weighed = np.diff(totals, axis=0), np.diff(weights, axis=0)
    clock = np.add.reduceat(weighed[:, -1:], first)
    gained, weighed = gained[:, :-1], weighed[:, :-1]
    belongs = _belongs(np.array(moments), members)
    gained = np.add.reduceat(gained * belongs, first)
    if meter.kind == SHARE:
        # A tenant without a slot has the clock's, whose weight is no vCPU's.
        weight = np.add.reduceat(weighed * belongs * (members.slots != CLOCK), first)
        return gained, weight, np.repeat(clock > 0, gained.shape[1], axis=1)
    # All of the tenant's time, whosever it was then: a mean over less would count it as more.
    whole = np.add.reduceat(weighed, first)
    there = np.add.reduceat(belongs, first) > 0
    observed = (clock > 0) & ((whole > 0) | ~there)
    value = _quotient(gained, whole) if meter.kind == MEAN else gained / 3600
    return value, whole, observed


def cuts(edges: Sequence[int], members: Members) -> list[int]:
    """Give the edges, and the moments between them at which members come or go."""
    moves = np.concatenate([members.since, members.until])
    inside = moves[(moves > edges[0]) & (moves < edges[-1])]
    return sorted({*edges, *inside.tolist()})


def _belongs(cuts: NDArray[np.int64], members: Members) -> Matrix:
    """Tell which members count between two cuts: 1 or 0, a row for each two."""
    begins, ends = cuts[:-1, None], cuts[1:, None]
    return ((members.since <= begins) & (members.until >= ends)).astype(np.float64)


def _add(sums: Matrix, found: Any, owners: NDArray[np.int64]) -> None:
    """Add columns of members to those of their owners, which are in order."""
    starts = np.flatnonzero(np.append(True, owners[1:] != owners[:-1]))
    sums[:, owners[starts]] += np.add.reduceat(found, starts, axis=1, dtype=np.float64)


def listing(
    objects: Iterable[ObjectName],
    edges: Sequence[int],
    found: tuple[Matrix, Known],
    *,
    with_uuid: bool = False,
    fill_null: bool = False,
) -> list[dict[str, object]]:
    """Give one entry an object, with a ``{from, to, value}`` for each piece.

    What is not known is 0, or with ``fill_null`` None.
    """
    figures, known = found
    shown: Any = figures
    if fill_null:
        shown = figures.astype(object)
        shown[~known] = None
    pieces = list(pairwise(edges))
    return [
        _named(of, with_uuid)
        | {
            "datapoints": [
                {"from": start, "to": end, "value": value}
                for (start, end), value in zip(pieces, row, strict=True)
            ]
        }
        for of, row in zip(objects, shown.T.tolist(), strict=True)
    ]


def _named(of: ObjectName, with_uuid: bool) -> dict[str, object]:
    named: dict[str, object] = {"name": of.name}
    if with_uuid:
        named["uuid"] = of.uuid
        if of.customer is not None:
            named["customer"] = of.customer
    return named
