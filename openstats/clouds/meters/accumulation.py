"""Computing the gains of tenants in one granule, from a source's sums and the running instances.

Pure functions: this module calls no source and reads no clock.
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

TenantSums = Mapping[str, Mapping[int, float]]
"""Values by tenant (Keystone id) and by the end of their granule (Unix seconds)."""

Gain = tuple[float, float]
"""The increase of a total, and the increase of its weight."""

IMPOSSIBLE_FACTOR = 2.2
"""Usage above this multiple of an instance's vCPUs is impossible. The samples around a granule may
be nearly twice as far apart as the granule is long."""

DASHED = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def sum_by_tenant(points: Iterable[tuple[str | None, int, float]]) -> TenantSums:
    """Return the sums of points (project, end of granule, value); skip points without a project.

    Remove dashes from UUIDs: some services write project ids with them.
    """
    sums: defaultdict[str, dict[int, float]] = defaultdict(dict)
    for project, at, value in points:
        if project:
            tenant = project.replace("-", "").lower() if DASHED.fullmatch(project) else project
            sums[tenant][at] = sums[tenant].get(at, 0.0) + value
    return sums


@dataclass(frozen=True)
class MeterSums:
    """The sums of a source for one meter in some granules.

    Attributes:
        totals: the increases of totals: MiB-seconds, or vCPU-seconds used.
        reported: the number of instances in each sum, if it was requested.
        share: whether weights are vCPU-seconds instead of the observed time.
        weights: vCPU-seconds of running instances; None if the source does not have them.
    """

    totals: TenantSums
    reported: TenantSums
    share: bool = False
    weights: TenantSums | None = None


class InstanceSet:
    """The instances that run now; valid for granules that end after ``since`` (Unix seconds)."""

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
        """Return the running instances of a tenant that were created before ``moment``."""
        return [s for s in self._running.get(tenant, ()) if s.created_at < moment]


@dataclass(frozen=True)
class Accumulation:
    """Computes deltas from the sums of one meter.

    The first delta of a meter without readings (``fresh``) is empty: counting begins there.
    """

    sums: MeterSums
    instances: InstanceSet
    fresh: bool = False

    @cached_property
    def moments(self) -> list[int]:
        """The sorted times of the deltas: the ends of granules for which the source has sums."""
        ends = {at for values in self.sums.totals.values() for at in values}
        if self.sums.share and self.sums.weights is None:
            # Without weights from the source, vCPUs are known only for the present.
            ends = {at for at in ends if at > self.instances.since}
        if self.fresh and ends:
            ends.add(min(ends) - GRID)
        return sorted(ends)

    @cached_property
    def _reporting(self) -> dict[str, tuple[int, int]]:
        """The ends of the first and the last granule with sums, by tenant."""
        return {tenant: (min(ends), max(ends)) for tenant, ends in self.sums.totals.items()}

    def delta(self, at: int) -> Delta[str]:
        """Return the delta at one of ``moments``."""
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
        """Return the increases of total and weight; None if unknown or impossible."""
        recent = at > self.instances.since
        running = self.instances.created_before(at, tenant) if recent else []
        scale = _scale(self.sums.reported.get(tenant, {}).get(at), len(running))
        total = self.sums.totals[tenant][at] * scale
        weight = self._weight(tenant, at, running, some_are_missing=scale > 1)
        if not (scale and 0 <= total < math.inf and 0 < weight < math.inf):
            return None
        if self.sums.share and total > IMPOSSIBLE_FACTOR * weight:
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
    """Return the factor that extrapolates a sum from the reporting to the running instances.

    Return 0 if fewer than half of the running instances reported.
    """
    if reported is None:
        return 1.0
    if reported == 0 or running > 2 * reported:
        return 0.0
    return max(1.0, running / reported)
