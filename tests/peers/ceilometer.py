"""What Ceilometer makes in Gnocchi, and how its samples come there: bodies of requests.

After ceilometer 27: publisher/data/gnocchi_resources.yaml, gnocchi_client.py and
publisher/gnocchi.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any

from tests.peers.series import UNITS, Instance, Sample

GRANULARITY = 300
MEAN, RATE = "ceilometer-low", "ceilometer-low-rate"
POLICIES = {MEAN: ["mean"], RATE: ["mean", "rate:mean"]}
# Attributes of the resource type `instance`.
REQUIRED = ("flavor_id", "flavor_name", "display_name")
OPTIONAL = ("host", "image_ref", "server_group", "availability_zone")
TIMES = ("launched_at", "created_at", "deleted_at")


def policies() -> list[dict[str, Any]]:
    """Give the archive policies: 300 s for 30 days, and nothing coarser."""
    kept = {"granularity": GRANULARITY, "timespan": "30 days"}
    common = {"back_window": 0, "definition": [kept]}
    return [
        {**common, "name": name, "aggregation_methods": methods}
        for name, methods in POLICIES.items()
    ]


def resource_type() -> dict[str, Any]:
    """Give the resource type `instance`."""
    text = {"type": "string", "min_length": 0, "max_length": 255}
    attributes = {name: {**text, "required": name in REQUIRED} for name in REQUIRED + OPTIONAL}
    times = {name: {"type": "datetime", "required": False} for name in TIMES}
    return {"name": "instance", "attributes": attributes | times}


def resource(instance: Instance) -> dict[str, str]:
    """Give an instance's resource, with something in all that is required."""
    required = {name: f"any-{name}" for name in REQUIRED}
    identity = {"id": instance.id, "project_id": instance.project_id}
    return {**required, **instance.attributes, **identity}


def rounds(instances: Sequence[Instance]) -> Iterator[dict[str, dict[str, Any]]]:
    """Give the bodies of batches that have to be processed one after the other."""
    named = [(i.id, name) for i in instances for name in i.metrics]
    runs = [_runs(samples) for i in instances for samples in i.metrics.values()]
    for row in zip_longest(*runs):
        measures: dict[str, dict[str, Any]] = {}
        for (resource, name), run in zip(named, row, strict=True):
            if run:
                measures.setdefault(resource, {})[name] = _measures(name, run)
        yield measures


def _runs(samples: Sequence[Sample]) -> list[list[Sample]]:
    """Cut where a granule is empty: given in one piece there would be a rate across the hole."""
    runs: list[list[Sample]] = []
    last = float("-inf")
    for sample in samples:
        granule = sample[0] // GRANULARITY
        if granule > last + 1:
            runs.append([])
        runs[-1].append(sample)
        last = granule
    return runs


def _measures(name: str, samples: Iterable[Sample]) -> dict[str, Any]:
    return {
        "archive_policy_name": RATE if name == "cpu" else MEAN,
        "unit": UNITS[name],
        "measures": [
            {"timestamp": datetime.fromtimestamp(time, UTC).isoformat(), "value": value}
            for time, value in samples
        ],
    }
