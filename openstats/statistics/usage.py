"""Usage: what customers, groups and projects used in each interval.

Matrices have a row for each interval, and a column for each member or object.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from openstats.meters import MEAN, OBSERVED, SHARE, UsageMeter
from openstats.model import ObjectName
from openstats.readings import Members, Readings
from openstats.statistics.odometer import CLOCK, interpolate
from openstats.unix_time import HOUR

DIGITS = 6
"""Decimal places of a value; further ones are rounding errors of long sums."""

MEMBER_COLUMNS = ("tenants", "clouds", "slots", "owners", "since", "until")

Matrix = NDArray[np.float64]
Mask = NDArray[np.bool_]
Indices = NDArray[np.intp]
Element = TypeVar("Element", bound=np.generic)

CLOCKS = np.array([CLOCK])
FIRST_BEGINS = np.array([True])
"""Marks the first member, which always begins an owner."""


class Gains(NamedTuple):
    """The contribution of each member to each interval, and whether it is known."""

    totals: Matrix
    weights: Matrix
    known: Mask


def values(
    meter: UsageMeter,
    edges: Sequence[int],
    members: Members,
    readings: Mapping[int, Readings],
    observed: Mapping[int, Readings] | None = None,
) -> tuple[Matrix, Mask]:
    """Return the values of all objects, and which of them are known: a row for each interval.

    ``readings`` are by cloud, and must contain those around each edge and each move between edges.
    A value is known if all clouds in which the object has tenants were observed, and so were these
    tenants. If the meter does not record the observation of tenants, ``observed`` does: readings of
    its counterpart in ``meters.OBSERVED``.
    """
    shape = len(edges) - 1, len(members.objects)
    totals, weights, all_known = np.zeros(shape), np.zeros(shape), np.ones(shape, np.bool_)
    for cloud, part in by_cloud(members):
        if cloud not in readings:
            all_known[:, part.owners] = False
            continue
        gains = _gains(meter, edges, part, readings[cloud])
        is_known = gains.known
        if observed and cloud in observed:
            is_known = is_known & _observed(OBSERVED[meter.name], edges, part, observed[cloud])
        first = owner_starts(part.owners)
        owners = part.owners[first]
        totals[:, owners] += reduce_groups(np.add, gains.totals, first, axis=1)
        all_known[:, owners] &= reduce_groups(np.logical_and, is_known, first, axis=1)
        if meter.kind == SHARE:
            weights[:, owners] += reduce_groups(np.add, gains.weights, first, axis=1)
    if meter.kind == SHARE:
        # If clocks disagree, a fully used hour may have more than 60 minutes.
        totals = _quotient(totals * 100, weights).clip(0, 100)
    return totals.round(DIGITS), all_known


def _observed(
    meter: UsageMeter, edges: Sequence[int], members: Members, readings: Readings
) -> Mask:
    """Return the intervals in which each member was observed.

    Intervals for which observation was not recorded count as observed.
    """
    observed = _gains(meter, edges, members, readings).known
    clock = interpolate(readings, edges, CLOCKS, meter)[:, 1, :]
    not_recorded: Mask = np.diff(clock, axis=0) == 0
    return observed | not_recorded


def _quotient(totals: Matrix, weights: Matrix) -> Matrix:
    """Return totals ÷ weights, and 0 where the weight is 0."""
    return np.divide(totals, weights, out=np.zeros(totals.shape), where=weights > 0)


def by_cloud(members: Members) -> Iterator[tuple[int, Members]]:
    """Yield each cloud with its members, which must be ordered by cloud."""
    clouds = sorted(set(members.clouds.tolist()))
    if len(clouds) == 1:
        yield clouds[0], members
        return
    for cloud in clouds:
        part = slice(*np.searchsorted(members.clouds, [cloud, cloud + 1]))
        columns = [getattr(members, name)[part] for name in MEMBER_COLUMNS]
        yield cloud, Members(members.objects, *columns)


def _gains(meter: UsageMeter, edges: Sequence[int], members: Members, readings: Readings) -> Gains:
    """Return the contributions of members to the intervals between edges.

    If members move within an interval, it consists of several steps. A member contributes what its
    slot gained in the steps in which it belonged to the owner::

        edges      |               interval                |
        cuts       |        step         |      step       |
        owner      |    this member's    |   another's     |
        total      |  counts             |  does not count |
        weight     |  both steps count, except for SHARE   |
    """
    moments = np.array(cuts(edges, members))
    first = moments.searchsorted(edges[:-1])
    # The clock is the last column.
    slots = np.concatenate((members.slots, CLOCKS))
    running = interpolate(readings, moments, slots, meter)
    steps = running[1:] - running[:-1]
    step_totals, step_weights, clock = steps[:, 0, :-1], steps[:, 1, :-1], steps[:, 1, -1:]
    cloud_observed = reduce_groups(np.add, clock, first) > 0
    owned = owned_between(moments, members)
    totals = reduce_groups(np.add, step_totals * owned, first)
    if meter.kind == SHARE:
        # A tenant without a slot has the clock's slot, whose weight is not in vCPU-seconds.
        has_slot = members.slots != CLOCK
        weights = reduce_groups(np.add, step_weights * owned * has_slot, first)
        return Gains(totals, weights, np.repeat(cloud_observed, len(members.slots), axis=1))
    # All of the tenant's time, whoever owned it: a mean over less time would be too large.
    weights = reduce_groups(np.add, step_weights, first)
    ever_owned = reduce_groups(np.logical_or, owned, first)
    amounts = _quotient(totals, weights) if meter.kind == MEAN else totals / HOUR
    return Gains(amounts, weights, cloud_observed & ((weights > 0) | ~ever_owned))


def cuts(edges: Sequence[int], members: Members) -> list[int]:
    """Return the edges and the moments between them at which owners of members change, in order."""
    moves = {*members.since.tolist(), *members.until.tolist()}
    return sorted({*edges, *(at for at in moves if edges[0] < at < edges[-1])})


def owned_between(cuts: NDArray[np.int64], members: Members) -> Mask:
    """Return which members belong to their owner between two cuts: a row for each step."""
    begins, ends = cuts[:-1, None], cuts[1:, None]
    return (members.since <= begins) & (members.until >= ends)


def owner_starts(owners: NDArray[np.int64]) -> Indices:
    """Return the index of the first member of each owner."""
    return np.concatenate((FIRST_BEGINS, owners[1:] != owners[:-1])).nonzero()[0]


def reduce_groups(
    operation: np.ufunc, matrix: NDArray[Element], first: Indices, axis: int = 0
) -> NDArray[Element]:
    """Return the matrix with each group of rows (or columns) reduced to one.

    ``first`` are the indices at which groups begin. Usually each group has one member.
    """
    if matrix.shape[axis] == len(first):
        return matrix
    return operation.reduceat(matrix, first, axis)


def listing(
    objects: Iterable[ObjectName],
    edges: Sequence[int],
    figures: tuple[Matrix, Mask],
    *,
    with_uuid: bool = False,
    fill_null: bool = False,
    observed: Matrix | None = None,
) -> list[dict[str, object]]:
    """Return one entry for each object, with a ``{from, to, value}`` for each interval.

    With ``fill_null``, an unknown value is None. ``observed`` are the shares to add, if any.
    """
    matrix, is_known = figures
    columns = (_with_nulls(matrix, is_known) if fill_null else matrix).T.tolist()
    pieces = list(pairwise(edges))
    series = [_datapoints(pieces, column) for column in columns]
    if observed is not None:
        for datapoints, shares in zip(series, observed.T.round(DIGITS).tolist(), strict=True):
            _add_shares(datapoints, shares)
    return [
        _entry(name, with_uuid=with_uuid) | {"datapoints": datapoints}
        for name, datapoints in zip(objects, series, strict=True)
    ]


def _with_nulls(matrix: Matrix, is_known: Mask) -> NDArray[np.object_]:
    nullable = matrix.astype(object)
    nullable[~is_known] = None
    return nullable


def _datapoints(
    pieces: Sequence[tuple[int, int]], column: Sequence[float | None]
) -> list[dict[str, float | None]]:
    return [
        {"from": start, "to": end, "value": value}
        for (start, end), value in zip(pieces, column, strict=True)
    ]


def _add_shares(datapoints: Iterable[dict[str, float | None]], shares: Iterable[float]) -> None:
    for datapoint, share in zip(datapoints, shares, strict=True):
        datapoint["observed"] = share


def _entry(name: ObjectName, *, with_uuid: bool) -> dict[str, object]:
    entry: dict[str, object] = {"name": name.name}
    if with_uuid:
        entry["uuid"] = name.uuid
        if name.customer is not None:
            entry["customer"] = name.customer
    return entry
