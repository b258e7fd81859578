"""Resource: the capacity of a cloud's hypervisors, and the quotas of its tenants."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import chain

from openstats.meters import CAPACITY
from openstats.model import Capacity, Inventory, Provider, Quota, QuotaSum
from openstats.statistics import quota

Zones = Mapping[str | None, Iterable[Inventory]]
"""Inventories by availability zone; None has those without a zone."""

Classes = dict[str, dict[str, int | float | None]]
"""Figures by resource class."""

QUOTA_KEYS = {"vcpu_quota": "vcpu", "memory_quota": "ram", "storage_quota": "storage"}


def resource(
    capacities: Iterable[Capacity], sums: Mapping[str, QuotaSum], *, skip_unlimited: bool = False
) -> dict[str, int]:
    """Return the nine figures of one auth_url: capacities and quotas, summed over regions."""
    regions = list(capacities)
    figures = {name: sum(getattr(region, name) for region in regions) for name in CAPACITY}
    quotas = quota.summary(sums, skip_unlimited=skip_unlimited)
    return figures | {key: quotas[name] for key, name in QUOTA_KEYS.items()}


def of_providers(providers: Iterable[Provider]) -> Capacity:
    """Return the sums over Placement's compute providers, as Nova's statistics define them.

    Disabled providers do not count, since Nova counts enabled services only. Reserved memory
    counts as used, as it does in Nova.
    """
    classes = _by_class(chain.from_iterable(p.inventories for p in providers if not p.disabled))
    vcpus = [*classes.get("VCPU", ()), *classes.get("PCPU", ())]
    memory, disk = classes.get("MEMORY_MB", []), classes.get("DISK_GB", [])
    memory_total = _sum(memory, "total")
    memory_used = sum(map(_unavailable, memory))
    return Capacity(
        vcpus=_sum(vcpus, "total"),
        vcpus_used=_sum(vcpus, "used"),
        memory_mb=memory_total,
        memory_mb_used=memory_used,
        free_ram_mb=memory_total - memory_used,
        free_disk_gb=_sum(disk, "total") - _sum(disk, "used"),
        source="placement",
    )


def by_class(zones: Zones) -> Classes:
    """Return the sums of a cloud's inventories by resource class, over all zones.

    ``effective`` is how much can be allocated, rounded down for each provider.
    ``allocation_ratio`` is None if providers have different ratios.
    """
    classes = _by_class(chain.from_iterable(zones.values()))
    return {name: _figures(classes[name]) for name in sorted(classes)}


def by_zone(zones: Zones) -> dict[str, Classes]:
    """Return the sums of ``by_class`` for each availability zone; leave out those without one."""
    names = sorted(zone for zone in zones if zone is not None)
    return {zone: by_class({zone: zones[zone]}) for zone in names}


def _by_class(inventories: Iterable[Inventory]) -> dict[str, list[Inventory]]:
    classes: defaultdict[str, list[Inventory]] = defaultdict(list)
    for inventory in inventories:
        classes[inventory.resource_class].append(inventory)
    return classes


def allocations(zones: Zones) -> dict[str, Quota]:
    """Return, by resource class, how much can be allocated (limit), and how much is (in_use).

    An inventory that is both in use and fully reserved counts as allocated: Nova reserves Ironic's
    nodes in use, so that no server gets them while they are cleaned.
    """
    sums: dict[str, Quota] = {}
    for inventory in chain.from_iterable(zones.values()):
        limit = inventory.used if _reserved_in_use(inventory) else _effective(inventory)
        total = sums.get(inventory.resource_class, Quota(0, 0))
        total = Quota(total.limit + limit, total.in_use + inventory.used)
        sums[inventory.resource_class] = total
    return sums


def _reserved_in_use(inventory: Inventory) -> bool:
    return 0 < inventory.used <= inventory.total <= inventory.reserved


def _effective(inventory: Inventory) -> int:
    return int((inventory.total - inventory.reserved) * inventory.allocation_ratio)


def _unavailable(inventory: Inventory) -> int:
    """Return how much is used or reserved; what is both counts once."""
    if _reserved_in_use(inventory):
        return inventory.reserved
    return inventory.used + inventory.reserved


def _figures(inventories: list[Inventory]) -> dict[str, int | float | None]:
    ratios = {inventory.allocation_ratio for inventory in inventories}
    return {
        "total": _sum(inventories, "total"),
        "reserved": _sum(inventories, "reserved"),
        "used": _sum(inventories, "used"),
        "allocation_ratio": ratios.pop() if len(ratios) == 1 else None,
        "effective": sum(map(_effective, inventories)),
    }


def _sum(inventories: list[Inventory], name: str) -> int:
    return sum(getattr(inventory, name) for inventory in inventories)
