"""Holds the double's answers against the real services': the same keys, with the same types.

`shape` reduces a JSON document to keys and types, `differences` compares two documents, `CALLS`
lists the calls of openstats with the keys that it reads. Who asks the two clouds lives elsewhere
(the functional tests); who adds a call or reads a further key adds it to the table here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

# Objects whose keys are data (a resource class, a name): their values have one shape, under "*".
MAPS = frozenset({"inventories", "usages", "extra_specs", "metadata", "addresses", "options"})
# A time without its zone is another type than one with it: readers trip over that.
TIMES = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?"), "time"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)"), "time with zone"),
)
NULL = "null"


@dataclass(frozen=True)
class Call:
    """A call of openstats: where, at which microversion, and the keys that it reads.

    `path` has the fields {tenant}, {server} and {provider} to fill in. Keys are paths, [] is an
    element.
    """

    service: str
    path: str
    version: str | None
    used: tuple[str, ...]


def _each(prefix: str, names: str) -> tuple[str, ...]:
    return tuple(f"{prefix}.{name}" for name in names.split())


CALLS: dict[str, Call] = {
    "projects": Call(
        "identity",
        "/projects",
        None,
        _each("projects[]", "id name domain_id parent_id enabled is_domain tags"),
    ),
    "project": Call(
        "identity",
        "/projects/{tenant}",
        None,
        _each("project", "id name domain_id parent_id enabled tags"),
    ),
    "domains": Call("identity", "/domains", None, _each("domains[]", "id name enabled")),
    "statistics": Call(
        "compute",
        "/os-hypervisors/statistics",
        "2.87",
        _each(
            "hypervisor_statistics",
            "count vcpus vcpus_used memory_mb memory_mb_used free_ram_mb free_disk_gb",
        ),
    ),
    "hypervisors": Call(
        "compute",
        "/os-hypervisors/detail",
        "2.87",
        _each(
            "hypervisors[]",
            "id hypervisor_hostname state status service.host vcpus vcpus_used "
            "memory_mb memory_mb_used free_ram_mb free_disk_gb local_gb",
        ),
    ),
    "hypervisors without figures": Call(
        "compute",
        "/os-hypervisors/detail",
        "2.88",
        _each("hypervisors[]", "id hypervisor_hostname state status service.host"),
    ),
    "services": Call(
        "compute",
        "/os-services?binary=nova-compute",
        "2.87",
        _each("services[]", "binary host zone status state"),
    ),
    "servers": Call(
        "compute",
        "/servers/detail?all_tenants=1&limit=100",
        "2.87",
        _each(
            "servers[]",
            "id name status tenant_id created updated image flavor.vcpus flavor.ram "
            "flavor.disk flavor.ephemeral flavor.swap OS-EXT-SRV-ATTR:hypervisor_hostname",
        ),
    ),
    "names of servers": Call(
        "compute", "/servers?all_tenants=1", "2.87", _each("servers[]", "id links")
    ),
    "changed servers": Call(
        "compute",
        "/servers/detail?all_tenants=1&limit=100&changes-since=2020-01-01T00:00:00Z",
        "2.87",
        _each("servers[]", "id status tenant_id updated OS-SRV-USG:terminated_at"),
    ),
    "nova quota": Call(
        "compute",
        "/os-quota-sets/{tenant}/detail",
        "2.87",
        tuple(
            f"quota_set.{name}.{key}"
            for name in ("cores", "instances", "ram")
            for key in ("limit", "in_use")
        ),
    ),
    "diagnostics": Call(
        "compute", "/servers/{server}/diagnostics", "2.87", _each("cpu_details[]", "id time")
    ),
    "volumes": Call(
        "block-storage",
        "/volumes/detail?all_tenants=1&limit=100",
        "3.70",
        _each(
            "volumes[]",
            "id name status size created_at updated_at volume_type attachments "
            "os-vol-tenant-attr:tenant_id",
        ),
    ),
    "snapshots": Call(
        "block-storage",
        "/snapshots/detail?all_tenants=1&limit=100",
        "3.70",
        _each(
            "snapshots[]",
            "id size status created_at updated_at volume_id "
            "os-extended-snapshot-attributes:project_id",
        ),
    ),
    "volume summary": Call(
        "block-storage",
        "/volumes/summary?all_tenants=1",
        "3.70",
        _each("volume-summary", "total_count total_size"),
    ),
    "cinder quota": Call(
        "block-storage",
        "/os-quota-sets/{tenant}?usage=True",
        "3.70",
        tuple(
            f"quota_set.{name}.{key}"
            for whole in ("gigabytes", "volumes", "snapshots")
            for name in (whole, f"{whole}_fake", f"{whole}___DEFAULT__")
            for key in ("limit", "in_use")
        ),
    ),
    "pools": Call(
        "block-storage",
        "/scheduler-stats/get_pools?detail=True",
        "3.70",
        (
            "pools[].name",
            "pools[].capabilities.total_capacity_gb",
            "pools[].capabilities.free_capacity_gb",
        ),
    ),
    "types": Call("block-storage", "/types", "3.70", _each("volume_types[]", "id name")),
    "providers": Call(
        "placement",
        "/resource_providers",
        "1.36",
        _each(
            "resource_providers[]", "uuid name generation root_provider_uuid parent_provider_uuid"
        ),
    ),
    "providers that share": Call(
        "placement",
        "/resource_providers?required=MISC_SHARES_VIA_AGGREGATE",
        "1.36",
        ("resource_providers",),
    ),
    "inventories": Call(
        "placement",
        "/resource_providers/{provider}/inventories",
        "1.36",
        (
            "resource_provider_generation",
            *_each("inventories.*", "total reserved allocation_ratio"),
        ),
    ),
    "usages": Call(
        "placement",
        "/resource_providers/{provider}/usages",
        "1.36",
        ("resource_provider_generation", "usages.*"),
    ),
    "traits": Call(
        "placement",
        "/resource_providers/{provider}/traits",
        "1.36",
        ("resource_provider_generation", "traits"),
    ),
}


@dataclass
class Shape:
    """The types that a place in a document has had, with its keys and its elements' shape."""

    types: set[str] = field(default_factory=set)
    keys: "dict[str, Shape]" = field(default_factory=dict)
    element: "Shape | None" = None

    def add(self, document: Any, name: str = "") -> None:
        """Take another document in."""
        self.types.add(_type(document))
        if isinstance(document, dict):
            for key, value in document.items():
                place = "*" if name in MAPS else key
                self.keys.setdefault(place, Shape()).add(value, key)
        elif isinstance(document, list):
            self.element = self.element or Shape()
            for each in document:
                self.element.add(each)

    def find(self, path: str) -> "Shape | None":
        """Find the shape at a path such as `servers[].flavor.vcpus`."""
        place: Shape | None = self
        for step in path.replace("[]", ".[]").split("."):
            if place is None:
                return None
            place = place.element if step == "[]" else place.keys.get(step)
        return place


def _type(value: Any) -> str:
    if value is None:
        return NULL
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return next((name for form, name in TIMES if form.fullmatch(value)), "string")
    return "array" if isinstance(value, list) else "object"


def shape(document: Any) -> Shape:
    """Keys and types of a document; of a list, the union over its elements."""
    found = Shape()
    found.add(document)
    return found


def differences(real: Any, double: Any, used: tuple[str, ...] = ()) -> list[str]:
    """List what the double answers otherwise than the real service; empty when nothing.

    Every key that the double gives must be in the real answer with a compatible type (null goes
    with everything); every key in `used` must be in both. Keys that only the real one has are
    nobody's business as long as nobody uses them.
    """
    theirs, ours = shape(real), shape(double)
    found = list(_beyond(theirs, ours, ""))
    for path in used:
        missing = [
            name
            for name, each in (("real", theirs), ("double", ours))
            if not _told(each.find(path))
        ]
        found += [f"{path}: used, but not in the {name} answer" for name in missing]
    return found


def _told(place: Shape | None) -> bool:
    return place is not None and bool(place.types)


def _beyond(real: Shape, double: Shape, path: str) -> Iterator[str]:
    known, given = real.types - {NULL}, double.types - {NULL}
    if known and not given <= known:
        yield f"{path or 'document'}: {_names(given)} instead of {_names(known)}"
        return
    if not known:
        # Empty or null there: nothing to compare with.
        return
    for key, each in double.keys.items():
        place = f"{path}.{key}".removeprefix(".")
        if key in real.keys:
            yield from _beyond(real.keys[key], each, place)
        elif key != "*":
            yield f"{place}: not in the real answer"
    if double.element and real.element:
        yield from _beyond(real.element, double.element, f"{path}[]")


def _names(types: set[str]) -> str:
    return " or ".join(sorted(types))
