"""The queries of the meter source ``prometheus``, as texts: of each instance, then by project.

An instance may have several series in a granule: one for each host that it ran on, after a live
migration. Series without the label that tells instances apart are an instance each. No server is
asked here.
"""

from dataclasses import dataclass

from openstats.clouds.meters import GRID
from openstats.clouds.meters.accumulation import IMPOSSIBLE

NANO = 10**9


@dataclass(frozen=True)
class Queries:
    """Queries over granules that end when they are evaluated.

    Attributes:
        selector: label matchers that pick what is measured.
        project: the label that holds the project's id.
        resource: the label that tells instances, or their disks, apart; empty: there is none.
    """

    selector: str
    project: str
    resource: str

    def by_project(self, function: str, expression: str) -> str:
        """Return ``sum`` or ``count`` by project of a value of each instance."""
        return f"{function} by ({self.project}) ({expression})"

    def mean(self, metric: str) -> str:
        """Return the mean of all samples of each instance."""
        plain = self._samples(metric, labelled=False).over("avg")
        if not self.resource:
            return plain
        samples = self._samples(metric, labelled=True)
        total = self._by_instance("sum", samples.over("sum"))
        count = self._by_instance("sum", samples.over("count"))
        return f"{total} / {count} or {plain}"

    def burnt(self, cpu: str, vcpus: str) -> str:
        """Return the ns by which each counter rose; one that fell, or rose too much, says nothing.

        Without a metric of vCPUs nothing is too much.
        """
        plain = self._samples(cpu, labelled=False)
        risen = f"({plain.over('last')} - {plain.over('last', GRID)}) >= 0"
        if not self.resource:
            return risen
        burnt = self._burnt(self._samples(cpu, labelled=True))
        if vcpus:
            burnt = f"({burnt} <= {self._limit(vcpus)})"
        return f"{burnt} or ({risen})"

    def vcpus(self, cpu: str, vcpus: str) -> str:
        """Return the vCPUs of each instance, but for those whose counter rose too much."""
        plain = self._samples(vcpus, labelled=False).over("avg")
        if not self.resource:
            return plain
        excess = f"({self._burnt(self._samples(cpu, labelled=True))} > {self._limit(vcpus)})"
        return f"{self._vcpus(vcpus)} unless {excess} or {plain}"

    def _vcpus(self, metric: str) -> str:
        return self._by_instance("max", self._samples(metric, labelled=True).over("avg"))

    def _limit(self, vcpus: str) -> str:
        return f"{IMPOSSIBLE * GRID * NANO:.0f} * {self._vcpus(vcpus)}"

    def _burnt(self, samples: "Samples") -> str:
        """Return what the series of each instance rose by together.

        A series that began in the granule counts from its first sample. What was burnt between the
        last sample of one and the first of the other nobody knows, so that the sum is scaled up to
        the usual number of samples. An instance that is new itself says nothing yet.
        """
        newest, count = samples.over("last"), samples.over("count")
        previous = samples.over("last", GRID)
        old = self._by_instance("max", f"({newest} - {previous}) >= 0")
        fresh = f"({newest} - {samples.over('min')}) and {count} > 1"
        new = self._by_instance("max", f"({fresh}) unless {previous}")
        old_steps = self._by_instance("max", f"{count} and {previous}")
        new_steps = self._by_instance("max", f"({count} - 1) unless {previous}")
        usual = self._by_instance("max", samples.over("count", GRID))
        steps = f"(({old_steps} + {new_steps}) or {new_steps})"
        scale = f"(clamp_min({usual} / {steps}, 1) or {usual} * 0 + 1)"
        return f"(({old} + {new}) or {old} or {new}) * {scale}"

    def _by_instance(self, function: str, expression: str) -> str:
        return f"{function} by ({self.project}, {self.resource}) ({expression})"

    def _samples(self, metric: str, *, labelled: bool) -> "Samples":
        matchers = [self.selector] if self.selector else []
        if self.resource:
            matchers.append(f'{self.resource}{"!=" if labelled else "="}""')
        return Samples(f"{metric}{{{','.join(matchers)}}}")


@dataclass(frozen=True)
class Samples:
    """The samples of a metric in a granule."""

    series: str

    def over(self, function: str, offset: int = 0) -> str:
        """Return a value of them, or of those in a granule that many seconds before."""
        modifier = f" offset {offset}s" if offset else ""
        return f"{function}_over_time({self.series}[{GRID}s]{modifier})"
