"""Observation: the share of each piece of an interval for which usage was read.

It is that of clouds, and of objects. Time that was not observed is not known: it is no zero, and
nothing is scaled up for it.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from openstats.meters import OBSERVED, SHARE, UsageMeter
from openstats.readings import Members, Readings
from openstats.statistics.odometer import CLOCK, interpolate
from openstats.statistics.usage import (
    CLOCKS,
    Matrix,
    by_cloud,
    cuts,
    owned_between,
    owner_starts,
    reduce_groups,
)

Shares = NDArray[np.float64]

NEARLY = 1e-6
"""What a share may lack of the whole: the noise of long sums."""


def of_clouds(
    meter: UsageMeter, edges: Sequence[int], readings: Mapping[int, Readings]
) -> dict[int, Shares]:
    """Return, by cloud, the share of each piece for which it was observed."""
    lengths = np.diff(edges)
    shares = {}
    for cloud, of_cloud in readings.items():
        clock = interpolate(of_cloud, edges, CLOCKS, meter)[:, 1, 0]
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
    observed: Mapping[int, Readings] | None = None,
) -> Matrix:
    """Return the share of each piece for which every object was observed: a row for each piece.

    It is that of its tenant that was observed least, while that was the object's; of its cloud
    where tenants are not told apart, neither in the meter nor in ``observed``, readings of its
    meter in ``meters.OBSERVED``. An object without tenants has nothing to be observed.
    """
    shares = np.ones((len(edges) - 1, len(members.objects)))
    for cloud, part in by_cloud(members):
        if cloud not in clouds:
            shares[:, part.owners] = 0
            continue
        of_members = np.repeat(clouds[cloud][:, None], len(part.slots), axis=1)
        if meter.kind != SHARE:
            of_members = _of_tenants(meter, edges, part, readings[cloud], of_members)
        elif observed and cloud in observed:
            of_members = _recorded(OBSERVED[meter.name], edges, part, observed[cloud], of_members)
        first = owner_starts(part.owners)
        owners = part.owners[first]
        least = reduce_groups(np.minimum, of_members, first, axis=1)
        shares[:, owners] = np.minimum(shares[:, owners], least)
    return shares


def _recorded(
    meter: UsageMeter, edges: Sequence[int], members: Members, readings: Readings, clock: Matrix
) -> Matrix:
    """Return the shares of tenants; those of the cloud in pieces without readings of tenants."""
    seconds = interpolate(readings, edges, CLOCKS, meter)[:, 1, :]
    recorded = np.diff(seconds, axis=0) > 0
    return np.where(recorded, _of_tenants(meter, edges, members, readings, clock), clock)


def _of_tenants(
    meter: UsageMeter, edges: Sequence[int], members: Members, readings: Readings, clock: Matrix
) -> Matrix:
    """Return the shares of tenants while they are their owner's, and of the cloud otherwise."""
    moments = np.array(cuts(edges, members))
    first = moments.searchsorted(edges[:-1])
    weights = np.diff(interpolate(readings, moments, members.slots, meter)[:, 1, :], axis=0)
    seconds = reduce_groups(np.add, weights, first)
    shares = _share(seconds, np.diff(edges)[:, None])
    ever_owned = reduce_groups(np.logical_or, owned_between(moments, members), first)
    return np.where(ever_owned, np.minimum(shares, clock), clock)


def _share(seconds: NDArray[np.float64], lengths: NDArray[np.int64]) -> NDArray[np.float64]:
    shares = np.clip(seconds / lengths, 0, 1)
    return np.where(shares > 1 - NEARLY, 1.0, shares)
