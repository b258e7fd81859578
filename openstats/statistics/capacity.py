"""Resource: what a cloud's hypervisors have, beside what its tenants may take."""

from collections.abc import Iterable, Mapping

from openstats.meters import CAPACITY
from openstats.model import Capacity, Inventory, Provider, QuotaSum
from openstats.statistics import quota

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
    memory_total, memory_used = _total(memory), _used(memory) + sum(i.reserved for i in memory)
    return Capacity(
        vcpus=_total(vcpus),
        vcpus_used=_used(vcpus),
        memory_mb=memory_total,
        memory_mb_used=memory_used,
        free_ram_mb=memory_total - memory_used,
        free_disk_gb=_total(disk) - _used(disk),
        source="placement",
    )


def _of(inventories: list[Inventory], *classes: str) -> list[Inventory]:
    return [i for i in inventories if i.resource_class in classes]


def _total(inventories: list[Inventory]) -> int:
    return sum(i.total for i in inventories)


def _used(inventories: list[Inventory]) -> int:
    return sum(i.used for i in inventories)
