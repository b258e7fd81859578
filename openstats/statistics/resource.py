"""Resource: what a cloud's hypervisors have, beside what its tenants may take."""

from collections.abc import Iterable, Mapping
from itertools import chain

from openstats.meters import CAPACITY
from openstats.model import Capacity, Inventory, Provider, Quota, QuotaSum
from openstats.statistics import quota

Zones = Mapping[str | None, Iterable[Inventory]]
"""Inventories by the availability zone that they are in; under None, those that are in none."""

Classes = dict[str, dict[str, int | float | None]]
"""Figures by resource class."""

QUOTA_KEYS = {"vcpu_quota": "vcpu", "memory_quota": "ram", "storage_quota": "storage"}


def resource(
    capacities: Iterable[Capacity], sums: Mapping[str, QuotaSum], *, skip_unlimited: bool = False
) -> dict[str, int]:
    """Give the nine figures of one auth_url: its regions' capacities and quotas, each summed."""
    regions = list(capacities)
    figures = {name: sum(getattr(region, name) for region in regions) for name in CAPACITY}
    quotas = quota.summary(sums, skip_unlimited=skip_unlimited)
    return figures | {key: quotas[name] for key, name in QUOTA_KEYS.items()}


def of_providers(providers: Iterable[Provider]) -> Capacity:
    """Sum Placement's compute providers into the figures that Nova's statistics give.

    Providers below a disabled root do not count: Nova counts enabled services only. Reserved
    memory is used, as Nova has it.
    """
    inventories = [i for p in providers if not p.disabled for i in p.inventories]
    vcpus = _of(inventories, "VCPU", "PCPU")
    memory = _of(inventories, "MEMORY_MB")
    disk = _of(inventories, "DISK_GB")
    memory_total, memory_used = _total(memory), sum(map(_taken, memory))
    return Capacity(
        vcpus=_total(vcpus),
        vcpus_used=_used(vcpus),
        memory_mb=memory_total,
        memory_mb_used=memory_used,
        free_ram_mb=memory_total - memory_used,
        free_disk_gb=_total(disk) - _used(disk),
        source="placement",
    )


def by_class(zones: Zones) -> Classes:
    """Sum the inventories of a cloud by resource class, whatever zone they are in.

    ``effective`` is what can be given away, a whole number of each provider; ``allocation_ratio``
    is the one that all have, None where they differ.
    """
    held: dict[str, list[Inventory]] = {}
    for inventory in chain.from_iterable(zones.values()):
        held.setdefault(inventory.resource_class, []).append(inventory)
    return {name: _figures(found) for name, found in sorted(held.items())}


def by_zone(zones: Zones) -> dict[str, Classes]:
    """Sum the inventories of each availability zone likewise; those in none are left out."""
    named = sorted((zone, found) for zone, found in zones.items() if zone is not None)
    return {zone: by_class({zone: found}) for zone, found in named}


def allocations(zones: Zones) -> dict[str, Quota]:
    """Return, by resource class, what can be allocated at most, and what is.

    What is in use and reserved whole counts as allocated: Nova reserves Ironic's nodes in use, so
    that nobody else gets them while they are cleaned.
    """
    sums: dict[str, Quota] = {}
    for inventory in chain.from_iterable(zones.values()):
        before = sums.get(inventory.resource_class, Quota(0, 0))
        limit = inventory.used if _reserved_in_use(inventory) else _effective(inventory)
        sums[inventory.resource_class] = Quota(before.limit + limit, before.in_use + inventory.used)
    return sums


def _reserved_in_use(inventory: Inventory) -> bool:
    return 0 < inventory.used <= inventory.total <= inventory.reserved


def _effective(inventory: Inventory) -> int:
    return int((inventory.total - inventory.reserved) * inventory.allocation_ratio)


def _taken(inventory: Inventory) -> int:
    """Return what is used or reserved, and what is both only once."""
    if _reserved_in_use(inventory):
        return inventory.reserved
    return inventory.used + inventory.reserved


def _figures(inventories: list[Inventory]) -> dict[str, int | float | None]:
    ratios = {i.allocation_ratio for i in inventories}
    return {
        "total": _total(inventories),
        "reserved": sum(i.reserved for i in inventories),
        "used": _used(inventories),
        "allocation_ratio": ratios.pop() if len(ratios) == 1 else None,
        "effective": sum(map(_effective, inventories)),
    }


def _of(inventories: list[Inventory], *classes: str) -> list[Inventory]:
    return [i for i in inventories if i.resource_class in classes]


def _total(inventories: list[Inventory]) -> int:
    return sum(i.total for i in inventories)


def _used(inventories: list[Inventory]) -> int:
    return sum(i.used for i in inventories)
