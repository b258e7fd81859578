"""What peers are fed with, in no server's own form; and how Ceilometer names it.

Units are Ceilometer's: `cpu` is cumulative, in ns of all vCPUs together; memory is in MiB.
Nothing here knows how a server is fed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Sample = tuple[float, float]
"""Unix seconds, value."""

UNITS = {
    "cpu": "ns",
    "vcpus": "vcpu",
    "memory": "MiB",
    "memory.usage": "MiB",
    "memory.resident": "MiB",
    "disk.root.size": "GiB",
    "disk.ephemeral.size": "GiB",
}


@dataclass(frozen=True)
class Series:
    """Samples of one metric of one thing, in the order of time."""

    metric: str
    labels: Mapping[str, str]
    samples: Sequence[Sample]


@dataclass(frozen=True)
class Instance:
    """An instance with the samples of its metrics, in the order of time.

    ``attributes`` are further ones of Gnocchi's resource: ``display_name``, ``ended_at`` …
    """

    id: str
    project_id: str
    metrics: Mapping[str, Sequence[Sample]]
    attributes: Mapping[str, str] = field(default_factory=dict)

    def series(self) -> list[Series]:
        """Give the same as Ceilometer exports it to Prometheus (polling/prom_exporter.py)."""
        return [
            Series(f"ceilometer_{name.replace('.', '_')}", self._labels(name), samples)
            for name, samples in self.metrics.items()
        ]

    def _labels(self, name: str) -> dict[str, str]:
        # The first part of the name labels the resource, or the third part where there is one.
        first, *others = name.split(".")
        return {
            first: others[1] if len(others) > 1 else self.id,
            "publisher": "ceilometer",
            "type": others[0] if others else first,
            "counter": name,
            "project": self.project_id,
            "unit": UNITS[name],
            "resource": self.id,
            "server_group": self.attributes.get("server_group", "none"),
        }
