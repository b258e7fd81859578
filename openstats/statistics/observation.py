"""Observed: which share of each piece of an interval usage was read, of clouds and of objects.

What nobody observed is not known: it is no zero, and nothing is scaled up for it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openstats.meters import OBSERVED, SHARE, UsageMeter
from openstats.readings import Members, Readings
from openstats.statistics.odometer import CLOCK, interpolate
from openstats.statistics.usage import Matrix, belongs, by_cloud, cuts, pieces, starts

Shares = NDArray[np.float64]

NEARLY = 1e-6
"""What a share may lack of the whole: the noise of long sums."""

CLOCKS = np.array([CLOCK])


def of_clouds(
    meter: UsageMeter, edges: Sequence[int], readings: Mapping[int, Readings]
) -> dict[int, Shares]:
    """Return, by cloud, which share of each piece it was observed."""
    lengths = np.diff(edges)
    shares = {}
    for cloud, read in readings.items():
        clock = interpolate(read, np.asarray(edges), CLOCKS, meter)[:, 1, 0]
        shares[cloud] = _share(np.diff(clock), lengths)
    return shares


def never(clouds: Iterable[int], readings: Mapping[int, Readings]) -> set[int]:
    """Return those clouds of which nothing was observed before the last of their readings.

    A first reading only begins: its clock stands at zero.
    """
    return {
        cloud
        for cloud in clouds
        if cloud not in readings or not readings[cloud].vectors[-1, 1, CLOCK]
    }


def of_objects(
    meter: UsageMeter,
    edges: Sequence[int],
    members: Members,
    readings: Mapping[int, Readings],
    clouds: Mapping[int, Shares],
    seen: Mapping[int, Readings] | None = None,
) -> Matrix:
    """Return which share of each piece every object was observed: a row for each piece.

    It is that of its tenant that was observed least, while that was the object's; of its cloud
    where tenants are not told apart, neither in the meter nor in ``seen``, readings of the one in
    ``meters.OBSERVED``. An object without tenants has nothing to be observed.
    """
    shares = np.ones((len(edges) - 1, len(members.objects)))
    for cloud, mine in by_cloud(members):
        if cloud not in clouds:
            shares[:, mine.owners] = 0
            continue
        found = np.repeat(clouds[cloud][:, None], len(mine.slots), axis=1)
        if meter.kind != SHARE:
            found = _of_tenants(meter, edges, mine, readings[cloud], found)
        elif seen and cloud in seen:
            found = _kept(OBSERVED[meter.name], edges, mine, seen[cloud], found)
        first = starts(mine.owners)
        owners = mine.owners[first]
        shares[:, owners] = np.minimum(shares[:, owners], pieces(np.minimum, found, first, 1))
    return shares


def _kept(
    meter: UsageMeter, edges: Sequence[int], members: Members, readings: Readings, clock: Matrix
) -> Matrix:
    """Return the shares of tenants, or those of the cloud in pieces in which nobody kept these."""
    kept = np.diff(interpolate(readings, np.asarray(edges), CLOCKS, meter)[:, 1, :], axis=0) > 0
    return np.where(kept, _of_tenants(meter, edges, members, readings, clock), clock)


def _of_tenants(
    meter: UsageMeter, edges: Sequence[int], members: Members, readings: Readings, clock: Matrix
) -> Matrix:
    moments = np.array(cuts(edges, members))
    first = moments.searchsorted(edges[:-1])
    weights = np.diff(interpolate(readings, moments, members.slots, meter)[:, 1, :], axis=0)
    seen = _share(pieces(np.add, weights, first), np.diff(edges)[:, None])
    there = pieces(np.logical_or, belongs(moments, members), first)
    return np.where(there, np.minimum(seen, clock), clock)


def _share(seconds: Any, lengths: Any) -> Any:
    shares = np.clip(seconds / lengths, 0, 1)
    return np.where(shares > 1 - NEARLY, 1.0, shares)
