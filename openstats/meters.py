"""Catalogue of meters: their names, their units and OpenStack's names for them.

Everything that is summed, stored or returned is declared here once. No arithmetic and no I/O.
"""

from dataclasses import dataclass
from typing import Final

UNLIMITED: Final = -1
"""OpenStack's number for "no limit". It is passed through, never added up."""

COMPUTE: Final = "compute"
VOLUME: Final = "volume"
SERVICES: Final = (COMPUTE, VOLUME)


@dataclass(frozen=True, slots=True)
class QuotaMeter:
    """One resource that a tenant has a limit on.

    ``name`` is openstats' name for it and the key in responses. ``resource`` is the key in the
    service's quota set. ``factor`` converts the service's unit to ``unit``.
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
"""The limits on a single volume type; shown by tenant, never summed."""

QUOTA_NAMES: Final = tuple(meter.name for meter in QUOTAS)

CAPACITY: Final = (
    "vcpus",
    "vcpus_used",
    "memory_mb",
    "memory_mb_used",
    "free_ram_mb",
    "free_disk_gb",
)
"""A cloud's physical capacity by Nova's names: vCPU, MiB and GiB, summed over hypervisors."""

ALLOCATED: Final = "allocated"
USED: Final = "used"
"""What a usage figure counts: resources reserved for instances, or used by their guests."""

MEAN: Final = "mean"
SHARE: Final = "share"
AMOUNT: Final = "amount"


@dataclass(frozen=True, slots=True)
class UsageMeter:
    """Running totals of one quantity, kept for every tenant.

    ``item`` is its name in the HTTP API, ``unit`` the unit of its figures. ``kind`` says what the
    totals and weights are, and how their differences become a figure:

    - MEAN: totals in MiB-seconds, weights in seconds observed; the sum over tenants of
      total ÷ weight.
    - SHARE: totals in vCPU-seconds used, weights in vCPU-seconds of running instances; 100 times
      the sum of totals ÷ the sum of weights.
    - AMOUNT: totals in vCPU-seconds, weights in seconds observed; the sum of totals, in hours.
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

USAGE_METERS: Final = {meter.name: meter for meter in USAGE}

OBSERVED: Final = {"cpu.used": UsageMeter("cpu", "observed", "s", AMOUNT)}
"""Extra meters that record the seconds observed, by the meter whose weights are not seconds."""
