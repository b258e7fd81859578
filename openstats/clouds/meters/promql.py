"""The PromQL of the meter source ``prometheus``: expressions by instance, then sums by project.

After a live migration, an instance may have several series in a granule: one for each host. Each
series without the label for instances counts as an instance. This module calls no server.
"""

from dataclasses import dataclass

from openstats.clouds.meters import GRID
from openstats.clouds.meters.accumulation import IMPOSSIBLE_FACTOR

NANO = 10**9


@dataclass(frozen=True)
class Queries:
    """Builds queries over the granule that ends at the time of evaluation.

    Attributes:
        selector: label matchers that select the series.
        project: the label with the project's id.
        resource: the label that identifies an instance or its disk; empty without such a label.
    """

    selector: str
    project: str
    resource: str

    def by_project(self, function: str, expression: str) -> str:
        """Return the ``sum`` or ``count`` by project of an expression by instance."""
        return f"{function} by ({self.project}) ({expression})"

    def mean(self, metric: str) -> str:
        """Return an expression for the mean of all samples of each instance."""
        plain = self._samples(metric, labelled=False).over("avg")
        if not self.resource:
            return plain
        samples = self._samples(metric, labelled=True)
        total = self._by_instance("sum", samples.over("sum"))
        count = self._by_instance("sum", samples.over("count"))
        return f"{total} / {count} or {plain}"

    def burnt(self, cpu: str, vcpus: str) -> str:
        """Return an expression for the increase of each counter in ns.

        It leaves out counters that decreased and, with a metric for vCPUs, those that rose too
        much.
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
        """Return an expression for the vCPUs of instances whose counter did not rise too much."""
        plain = self._samples(vcpus, labelled=False).over("avg")
        if not self.resource:
            return plain
        excess = f"({self._burnt(self._samples(cpu, labelled=True))} > {self._limit(vcpus)})"
        return f"{self._vcpus(vcpus)} unless {excess} or {plain}"

    def _vcpus(self, metric: str) -> str:
        return self._by_instance("max", self._samples(metric, labelled=True).over("avg"))

    def _limit(self, vcpus: str) -> str:
        return f"{IMPOSSIBLE_FACTOR * GRID * NANO:.0f} * {self._vcpus(vcpus)}"

    def _burnt(self, samples: "Samples") -> str:
        """Return an expression for the summed increase of all series of each instance.

        A series that began in the granule counts from its first sample. The usage between the last
        sample of an old series and the first sample of a new one is unknown. Therefore the sum is
        extrapolated to the number of samples in the previous granule. An instance without samples
        there has no result.
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
        """Return ``function`` over the samples of the granule ``offset`` seconds earlier."""
        modifier = f" offset {offset}s" if offset else ""
        return f"{function}_over_time({self.series}[{GRID}s]{modifier})"
