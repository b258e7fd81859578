"""Every figure that is read from a cloud, and what may be wrong with one.

The table names where figures stand in recorded answers; how lists and calls are spoilt (cut,
repeated, delayed, refused) is in ``mutation``.

A figure that could be true is only found wrong where there is another one to hold it against: GiB
of volumes against their summary, servers against what quotas count, inventories against usages and
the provider's generation. These are not compared, though they sound alike:

* ``running_vms`` of Nova's hypervisor statistics is what nova-compute saw in its last periodic
  task, on enabled services only: a cloud in which servers come and go contradicts it all the time.
  Nova's quotas count the same servers exactly, and by tenant.
* ``in_use`` of Cinder's quotas is a counter that Cinder keeps beside its volumes, and loses count
  of, for years where nobody mends it. The statistic is what the cloud says, as long as that is
  half of what the volumes have; volumes are held against their own counts.
* ``in_use`` of Nova's cores and ram counts servers twice while they are resized, and may be counted
  from Placement.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.edge import Rewrite

NESTED = "a place for what is nested too deeply"
DEEP = b"[" * 100_000 + b"]" * 100_000
MISSING = "a place for what is left out"
WRONG = {
    "null": None,
    "missing": MISSING,
    "mistyped": "many",
    "empty": "",
    "repeated": [1, 1],
    "true": True,
    "not a number": float("nan"),
    "beyond 64 bits": 2**70,
    "beyond every sum": 2**63 - 1,
    "far below nothing": -(2**62),
    "nested": NESTED,
}


@dataclass(frozen=True)
class Figure:
    """A figure: the kind of poll that reads it, where it is asked for, and where it stands.

    ``*`` in the path is each item of a list, or each value of a mapping. ``harmless`` is what of
    ``WRONG`` means that the cloud does not tell, or has none.
    """

    kind: str
    url: str
    path: str
    harmless: tuple[str, ...] = ()

    def wrong(self) -> dict[str, Any]:
        """Return what may be wrong with it, by name."""
        return {name: value for name, value in WRONG.items() if name not in self.harmless}

    def spoilt(self, value: Any) -> Rewrite:
        """Return an action of the edge that puts a value in the figure's place."""
        return replaced([self.path], value)


def replaced(paths: Iterable[str], value: Any) -> Rewrite:
    """Return an action of the edge that puts a value in several places."""

    def change(body: bytes) -> bytes:
        document = json.loads(body)
        for path in paths:
            for place, key in [*places(document, path.split("/"))]:
                place[key] = value
                if value == MISSING:
                    del place[key]
        return json.dumps(document).encode().replace(json.dumps(NESTED).encode(), DEEP)

    return Rewrite(change)


def places(document: Any, path: list[str]) -> Iterator[tuple[Any, Any]]:
    """Yield each place that a path leads to, as a container and a key of it."""
    first, *rest = path
    keys = [first]
    if first == "*":
        keys = list(range(len(document))) if isinstance(document, list) else list(document)
    for key in keys:
        if rest:
            yield from places(document[key], rest)
        else:
            yield document, key


def _of(kind: str, url: str, *paths: str) -> list[Figure]:
    return [Figure(kind, url, path) for path in paths]


CAPACITY = "hypervisor_statistics/"
FLAVOR = "servers/*/flavor/"
SERVERS, VOLUMES = "servers/detail", "volumes/detail.*limit=1000"
COMPUTE, STORAGE = "compute.*/os-quota-sets/", "volume.*/os-quota-sets/"
INVENTORY = "inventories/*/"

FIGURES: list[Figure] = [
    *_of("capacity", "statistics", f"{CAPACITY}vcpus", f"{CAPACITY}vcpus_used"),
    *_of("capacity", "statistics", f"{CAPACITY}memory_mb", f"{CAPACITY}memory_mb_used"),
    *_of("capacity", "statistics", f"{CAPACITY}free_ram_mb", f"{CAPACITY}free_disk_gb"),
    *_of("instances", SERVERS, f"{FLAVOR}vcpus", f"{FLAVOR}ram", f"{FLAVOR}disk"),
    *_of("instances", SERVERS, f"{FLAVOR}ephemeral", "servers/*/created"),
    Figure("instances", SERVERS, f"{FLAVOR}swap", harmless=("empty",)),
    *_of("volumes", VOLUMES, "volumes/*/size", "volumes/*/created_at"),
    *_of("volumes", "snapshots/detail.*limit=1000", "snapshots/*/size"),
    *_of("volumes", "summary", "volume-summary/total_count", "volume-summary/total_size"),
    *_of("volumes", "with_count", "count"),
    *_of("quotas", COMPUTE, "quota_set/cores/limit", "quota_set/cores/in_use"),
    *_of("quotas", COMPUTE, "quota_set/ram/limit", "quota_set/instances/in_use"),
    *_of("quotas", STORAGE, "quota_set/gigabytes/limit", "quota_set/gigabytes/in_use"),
    *_of("providers", "/inventories", f"{INVENTORY}total", f"{INVENTORY}reserved"),
    *_of("providers", "/inventories", f"{INVENTORY}allocation_ratio"),
    *_of("providers", "/usages", "usages/*"),
    *_of("providers", "/resource_providers$", "resource_providers/*/generation"),
    Figure("usage", "/diagnostics", "cpu_details/*/time", harmless=("null", "missing")),
]
