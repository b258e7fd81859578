"""What is measured, in which unit, and what OpenStack calls it.

Everything that is summed, stored or answered is named here once. No arithmetic and no I/O.
"""

from dataclasses import dataclass
from typing import Final

UNLIMITED: Final = -1
"""OpenStack's number for "no limit". It is passed on, and never added."""

COMPUTE: Final = "compute"
VOLUME: Final = "volume"
SERVICES: Final = (COMPUTE, VOLUME)


@dataclass(frozen=True, slots=True)
class QuotaMeter:
    """One resource that a tenant has a limit on.

    ``name`` is our word (and the key of the answers), ``resource`` the key of the service's quota
    set, ``factor`` turns the service's unit into ours.
    """

    name: str
    unit: str
    service: str
    resource: str
    factor: int = 1


QUOTAS: Final = (
    QuotaMeter("vcpu", "vCPU", COMPUTE, "cores"),
    QuotaMeter("ram", "MiB", COMPUTE, "ram"),
    QuotaMeter("storage", "MiB", VOLUME, "gigabytes", factor=1024),
    QuotaMeter("max_instances", "instances", COMPUTE, "instances"),
)

VOLUME_TYPE: Final = (
    QuotaMeter("volumes", "volumes", VOLUME, "volumes"),
    QuotaMeter("snapshots", "snapshots", VOLUME, "snapshots"),
    QuotaMeter("storage", "MiB", VOLUME, "gigabytes", factor=1024),
)
"""The limits that a volume type has of its own; shown by tenant, never summed."""

QUOTA_NAMES: Final = tuple(meter.name for meter in QUOTAS)

CAPACITY: Final = (
    "vcpus",
    "vcpus_used",
    "memory_mb",
    "memory_mb_used",
    "free_ram_mb",
    "free_disk_gb",
)
"""A cloud's physical capacity, by Nova's names: vCPU, MiB and GiB over its hypervisors."""

AGGREGATES: Final = ("customer", "project", "project_group")
"""The objects that figures can be summed by."""

ALLOCATED: Final = "allocated"
USED: Final = "used"
BASES: Final = (ALLOCATED, USED)
"""What a usage figure counts: what is reserved for instances, or what their guests use."""

MEAN: Final = "mean"
SHARE: Final = "share"
AMOUNT: Final = "amount"


@dataclass(frozen=True, slots=True)
class UsageMeter:
    """Running totals that are kept of every tenant.

    ``item`` is the word of the contract, ``unit`` that of its values. ``kind`` says what totals and
    weights are, and what becomes of their differences: MEAN, MiB-seconds and seconds observed, and
    the sum over tenants of total ÷ weight; SHARE, vCPU-seconds burnt and those of running
    instances, and 100 times the sum of totals ÷ that of weights; AMOUNT, vCPU-seconds and seconds
    observed, and the sum of totals in hours.
    """

    item: str
    basis: str
    unit: str
    kind: str

    @property
    def name(self) -> str:
        """The name under which its readings are stored."""
        return f"{self.item}.{self.basis}"


USAGE: Final = (
    UsageMeter("cpu", USED, "%", SHARE),
    UsageMeter("memory", ALLOCATED, "MiB", MEAN),
    UsageMeter("memory", USED, "MiB", MEAN),
    UsageMeter("storage", ALLOCATED, "MiB", MEAN),
    UsageMeter("storage", USED, "MiB", MEAN),
    UsageMeter("vcpu_hours", ALLOCATED, "vCPU-hours", AMOUNT),
)

USAGE_ITEMS: Final = tuple(dict.fromkeys(meter.item for meter in USAGE))
USAGE_METERS: Final = {meter.name: meter for meter in USAGE}

OBSERVED: Final = {"cpu.used": UsageMeter("cpu", "observed", "s", AMOUNT)}
"""The meters that record the seconds observed, by the name of those whose weights are others."""
