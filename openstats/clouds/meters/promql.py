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

    def by_project(self, function: str, each: str) -> str:
        """Return ``sum`` or ``count`` by project of a value of each instance."""
        return f"{function} by ({self.project}) ({each})"

    def mean(self, metric: str) -> str:
        """Return the mean of all samples of each instance."""
        plain = self._samples(metric, named=False).over("avg")
        if not self.resource:
            return plain
        samples = self._samples(metric, named=True)
        total, count = (self._each("sum", samples.over(what)) for what in ("sum", "count"))
        return f"{total} / {count} or {plain}"

    def burnt(self, cpu: str, vcpus: str) -> str:
        """Return the ns by which each counter rose; one that fell, or rose too much, says nothing.

        Without a metric of vCPUs nothing is too much.
        """
        plain = self._samples(cpu, named=False)
        risen = f"({plain.over('last')} - {plain.over('last', GRID)}) >= 0"
        if not self.resource:
            return risen
        burnt = self._burnt(self._samples(cpu, named=True))
        if vcpus:
            burnt = f"({burnt} <= {self._most(vcpus)})"
        return f"{burnt} or ({risen})"

    def vcpus(self, cpu: str, vcpus: str) -> str:
        """Return the vCPUs of each instance, but for those whose counter rose too much."""
        plain = self._samples(vcpus, named=False).over("avg")
        if not self.resource:
            return plain
        excess = f"({self._burnt(self._samples(cpu, named=True))} > {self._most(vcpus)})"
        return f"{self._vcpus(vcpus)} unless {excess} or {plain}"

    def _vcpus(self, metric: str) -> str:
        return self._each("max", self._samples(metric, named=True).over("avg"))

    def _most(self, vcpus: str) -> str:
        return f"{IMPOSSIBLE * GRID * NANO:.0f} * {self._vcpus(vcpus)}"

    def _burnt(self, samples: "Samples") -> str:
        """Return what the series of each instance rose by together.

        A series that began in the granule counts from its first sample. What was burnt between the
        last sample of one and the first of the other nobody knows, so that the sum is scaled up to
        the usual number of samples. An instance that is new itself says nothing yet.
        """
        newest, before, count = (
            samples.over("last"),
            samples.over("last", GRID),
            samples.over("count"),
        )
        old = self._each("max", f"({newest} - {before}) >= 0")
        new = self._each(
            "max", f"(({newest} - {samples.over('min')}) and {count} > 1) unless {before}"
        )
        old_steps = self._each("max", f"{count} and {before}")
        new_steps = self._each("max", f"({count} - 1) unless {before}")
        usual = self._each("max", samples.over("count", GRID))
        steps = f"(({old_steps} + {new_steps}) or {new_steps})"
        scale = f"(clamp_min({usual} / {steps}, 1) or {usual} * 0 + 1)"
        return f"(({old} + {new}) or {old} or {new}) * {scale}"

    def _each(self, function: str, inner: str) -> str:
        return f"{function} by ({self.project}, {self.resource}) ({inner})"

    def _samples(self, metric: str, *, named: bool) -> "Samples":
        matchers = [self.selector] if self.selector else []
        if self.resource:
            matchers.append(f'{self.resource}{"!=" if named else "="}""')
        return Samples(f"{metric}{{{','.join(matchers)}}}")


@dataclass(frozen=True)
class Samples:
    """The samples of a metric in a granule."""

    series: str

    def over(self, function: str, before: int = 0) -> str:
        """Return a value of them, or of those in a granule that many seconds before."""
        offset = f" offset {before}s" if before else ""
        return f"{function}_over_time({self.series}[{GRID}s]{offset})"
