"""What tenants used in one granule, from sums that a source gives and instances that run.

Pure: no source is asked here, and no time is told.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from openstats.clouds.meters import GRID
from openstats.model import Instance
from openstats.readings import Tick

Series = Mapping[str, Mapping[int, float]]
"""Values by tenant (Keystone id) and by the end of the granule that they are of."""

Gain = tuple[float, float]

IMPOSSIBLE = 2.2
"""How many times their vCPUs instances cannot have been busy. The samples around a granule may be
nearly twice as far apart as it is long."""

DASHED = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def summed(points: Iterable[tuple[str | None, int, float]]) -> Series:
    """Sum points of (project, end of granule, value) by tenant; those of no project are nobody's.

    Some services write the ids of projects with dashes.
    """
    found: defaultdict[str, dict[int, float]] = defaultdict(dict)
    for project, at, value in points:
        if project:
            key = project.replace("-", "").lower() if DASHED.fullmatch(project) else project
            found[key][at] = found[key].get(at, 0.0) + value
    return found


@dataclass(frozen=True)
class Sums:
    """What a source says of one meter in some granules.

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


class Fleet:
    """The instances that run now; they tell about what ended after ``since``."""

    def __init__(self, running: Iterable[Instance], since: int) -> None:
        self.since = since
        self._running: defaultdict[str, list[Instance]] = defaultdict(list)
        for server in running:
            self._running[server.tenant].append(server)

    @property
    def tenants(self) -> Iterable[str]:
        """Whose instances run."""
        return self._running.keys()

    def running(self, tenant: str, before: int) -> Sequence[Instance]:
        """List the instances of a tenant that were created before a moment."""
        return [s for s in self._running.get(tenant, ()) if s.created_at < before]


@dataclass(frozen=True)
class Ledger:
    """Makes ticks of what a source says of one meter.

    Of a meter that was never read (``fresh``) the first is its beginning, in which nothing is.
    """

    sums: Sums
    fleet: Fleet
    fresh: bool = False

    @cached_property
    def moments(self) -> list[int]:
        """When there are ticks, in order: the ends of granules of which something is said."""
        found = {at for values in self.sums.totals.values() for at in values}
        if self.sums.share and self.sums.weights is None:
            # What ran in other times than the present, nobody knows.
            found = {at for at in found if at > self.fleet.since}
        if self.fresh and found:
            found.add(min(found) - GRID)
        return sorted(found)

    @cached_property
    def _known(self) -> dict[str, tuple[int, int]]:
        """When each tenant was first and last heard of."""
        return {key: (min(values), max(values)) for key, values in self.sums.totals.items()}

    def tick(self, at: int) -> Tick:
        """Make the tick of one of the moments."""
        if self.fresh and at == self.moments[0]:
            return Tick(at, 0, {})
        gains, unobserved = {}, set()
        for tenant in self._known.keys() | self.fleet.tenants:
            if at not in self.sums.totals.get(tenant, ()):
                if self._missed(tenant, at):
                    unobserved.add(tenant)
            elif gain := self._gain(tenant, at):
                gains[tenant] = gain
            else:
                unobserved.add(tenant)
        return Tick(at, GRID, gains, frozenset(unobserved))

    def _missed(self, tenant: str, at: int) -> bool:
        """Tell whether a tenant of which nothing is said used something nevertheless."""
        if at > self.fleet.since:
            return bool(self.fleet.running(tenant, at - GRID + 1))
        first, last = self._known.get(tenant, (at, at))
        return first < at < last

    def _gain(self, tenant: str, at: int) -> Gain | None:
        """Give what came to total and weight; None where that cannot be told."""
        running = self.fleet.running(tenant, at) if at > self.fleet.since else []
        scale = _scale(self.sums.reported.get(tenant, {}).get(at), len(running))
        total = self.sums.totals[tenant][at] * scale
        weight = self._weight(tenant, at, running, scale > 1)
        told = scale and math.isfinite(total) and total >= 0 and math.isfinite(weight)
        if self.sums.share and total > IMPOSSIBLE * weight:
            return None
        return (total, weight) if told and weight > 0 else None

    def _weight(
        self, tenant: str, at: int, running: Sequence[Instance], some_are_missing: bool
    ) -> float:
        if not self.sums.share:
            return GRID
        flavors = float(GRID * sum(server.vcpus for server in running))
        if self.sums.weights is None:
            return flavors
        weight = self.sums.weights.get(tenant, {}).get(at, 0.0)
        return max(weight, flavors) if some_are_missing else weight


def _scale(reported: float | None, running: int) -> float:
    """Give by how much a sum over those that reported is too small; 0 where it says too little."""
    if reported is None:
        return 1.0
    if reported == 0 or running > 2 * reported:
        return 0.0
    return max(1.0, running / reported)
