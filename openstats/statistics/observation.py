"""Observation: the share of each interval for which usage was read, by cloud or by object.

Use during unobserved time is unknown: it is not zero, and other use is not scaled up for it.
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

ROUNDING_ERROR = 1e-6
"""Tolerance below a share of 1, for the rounding errors of long sums."""


def of_clouds(
    meter: UsageMeter, edges: Sequence[int], readings: Mapping[int, Readings]
) -> dict[int, Shares]:
    """Return the observed share of each interval, by cloud."""
    lengths = np.diff(edges)
    shares = {}
    for cloud, of_cloud in readings.items():
        clock = interpolate(of_cloud, edges, CLOCKS, meter)[:, 1, 0]
        shares[cloud] = _share(np.diff(clock), lengths)
    return shares


def never(clouds: Iterable[int], readings: Mapping[int, Readings]) -> set[int]:
    """Return the clouds that were not observed at all up to the last of these readings.

    A cloud's first reading has a clock of zero, since it only starts the observation.
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
    """Return the observed share of each interval (row) and object (column).

    The share of an object is that of its least observed tenant, while it owns that tenant. If
    neither the meter nor ``observed`` records the observation of tenants, their cloud's share is
    used; ``observed`` are readings of the meter's counterpart in ``meters.OBSERVED``. The share of
    an object without tenants is 1.
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
    """Return the shares of tenants; that of the cloud in intervals not recorded by tenant."""
    seconds = interpolate(readings, edges, CLOCKS, meter)[:, 1, :]
    recorded = np.diff(seconds, axis=0) > 0
    return np.where(recorded, _of_tenants(meter, edges, members, readings, clock), clock)


def _of_tenants(
    meter: UsageMeter, edges: Sequence[int], members: Members, readings: Readings, clock: Matrix
) -> Matrix:
    """Return the shares of tenants in intervals in which they are owned, else the cloud's."""
    moments = np.array(cuts(edges, members))
    first = moments.searchsorted(edges[:-1])
    weights = np.diff(interpolate(readings, moments, members.slots, meter)[:, 1, :], axis=0)
    seconds = reduce_groups(np.add, weights, first)
    shares = _share(seconds, np.diff(edges)[:, None])
    ever_owned = reduce_groups(np.logical_or, owned_between(moments, members), first)
    return np.where(ever_owned, np.minimum(shares, clock), clock)


def _share(seconds: NDArray[np.float64], lengths: NDArray[np.int64]) -> NDArray[np.float64]:
    shares = np.clip(seconds / lengths, 0, 1)
    return np.where(shares > 1 - ROUNDING_ERROR, 1.0, shares)
