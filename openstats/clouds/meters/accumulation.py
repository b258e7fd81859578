"""What came to the totals of tenants in one granule.

It is made of the sums that a source reports, and of the instances that run. Pure: no source is
asked here, and no clock is read.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from openstats.clouds.meters import GRID
from openstats.model import Instance
from openstats.readings import Delta

Series = Mapping[str, Mapping[int, float]]
"""Values by tenant (Keystone id) and by the end of the granule that they are of."""

Gain = tuple[float, float]
"""What came to a total, and to its weight."""

IMPOSSIBLE = 2.2
"""How many times their vCPUs instances cannot have been busy. The samples around a granule may be
nearly twice as far apart as it is long."""

DASHED = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def sum_by_tenant(points: Iterable[tuple[str | None, int, float]]) -> Series:
    """Return the sums of points (project, end of granule, value); points of no project are dropped.

    Some services write the ids of projects with dashes.
    """
    sums: defaultdict[str, dict[int, float]] = defaultdict(dict)
    for project, at, value in points:
        if project:
            tenant = project.replace("-", "").lower() if DASHED.fullmatch(project) else project
            sums[tenant][at] = sums[tenant].get(at, 0.0) + value
    return sums


@dataclass(frozen=True)
class MeterSums:
    """The report of a source on one meter in some granules.

    Attributes:
        totals: what came to the totals: MiB-seconds, or vCPU-seconds burnt.
        reported: how many instances are in each of them, where it was asked.
        share: whether the weights are vCPU-seconds, and not the time observed.
        weights: vCPU-seconds of running instances; None where the source does not know them.
    """

    totals: Series
    reported: Series
    share: bool = False
    weights: Series | None = None


class InstanceSet:
    """The instances that run now; they tell what ran in granules that ended after ``since``."""

    def __init__(self, running: Iterable[Instance], since: int) -> None:
        self.since = since
        self._running: defaultdict[str, list[Instance]] = defaultdict(list)
        for server in running:
            self._running[server.tenant].append(server)

    @property
    def tenants(self) -> Iterable[str]:
        """The tenants (Keystone ids) that have running instances."""
        return self._running.keys()

    def created_before(self, moment: int, tenant: str) -> Sequence[Instance]:
        """Return the instances of a tenant that were created before a moment."""
        return [s for s in self._running.get(tenant, ()) if s.created_at < moment]


@dataclass(frozen=True)
class Accumulation:
    """The deltas that follow from the sums of one meter.

    Of a meter that was never read (``fresh``) the first delta is empty: counting begins there.
    """

    sums: MeterSums
    instances: InstanceSet
    fresh: bool = False

    @cached_property
    def moments(self) -> list[int]:
        """The times of the deltas, in order: the ends of granules that the source has sums of."""
        ends = {at for values in self.sums.totals.values() for at in values}
        if self.sums.share and self.sums.weights is None:
            # Without weights, vCPUs are known of the present only.
            ends = {at for at in ends if at > self.instances.since}
        if self.fresh and ends:
            ends.add(min(ends) - GRID)
        return sorted(ends)

    @cached_property
    def _reporting(self) -> dict[str, tuple[int, int]]:
        """The first and the last granule that each tenant has sums in."""
        return {tenant: (min(ends), max(ends)) for tenant, ends in self.sums.totals.items()}

    def delta(self, at: int) -> Delta:
        """Return the delta of one of the moments."""
        if self.fresh and at == self.moments[0]:
            return Delta(at, 0, {})
        gains, unobserved = {}, set()
        for tenant in self._reporting.keys() | self.instances.tenants:
            if at not in self.sums.totals.get(tenant, ()):
                if self._missed(tenant, at):
                    unobserved.add(tenant)
            elif gain := self._gain(tenant, at):
                gains[tenant] = gain
            else:
                unobserved.add(tenant)
        return Delta(at, GRID, gains, frozenset(unobserved))

    def _missed(self, tenant: str, at: int) -> bool:
        """Return whether a tenant without sums in a granule may have used something there."""
        if at > self.instances.since:
            return bool(self.instances.created_before(at - GRID + 1, tenant))
        first, last = self._reporting.get(tenant, (at, at))
        return first < at < last

    def _gain(self, tenant: str, at: int) -> Gain | None:
        """Return what came to total and weight; None where that is unknown."""
        recent = at > self.instances.since
        running = self.instances.created_before(at, tenant) if recent else []
        scale = _scale(self.sums.reported.get(tenant, {}).get(at), len(running))
        total = self.sums.totals[tenant][at] * scale
        weight = self._weight(tenant, at, running, some_are_missing=scale > 1)
        if not (scale and 0 <= total < math.inf and 0 < weight < math.inf):
            return None
        if self.sums.share and total > IMPOSSIBLE * weight:
            return None
        return total, weight

    def _weight(
        self, tenant: str, at: int, running: Sequence[Instance], *, some_are_missing: bool
    ) -> float:
        if not self.sums.share:
            return GRID
        flavors = float(GRID * sum(server.vcpus for server in running))
        if self.sums.weights is None:
            return flavors
        weight = self.sums.weights.get(tenant, {}).get(at, 0.0)
        return max(weight, flavors) if some_are_missing else weight


def _scale(reported: float | None, running: int) -> float:
    """Return the factor by which a sum over those that reported is too small.

    It is 0 where less than half of those that run reported.
    """
    if reported is None:
        return 1.0
    if reported == 0 or running > 2 * reported:
        return 0.0
    return max(1.0, running / reported)
