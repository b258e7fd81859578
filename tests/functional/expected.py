"""What the four statistics have to answer, from the oracle's figures by naive sums.

It knows the contract and the oracle, and nothing of openstats.
"""

from collections.abc import Iterable
from typing import Any

from tests.devcloud import Cloud
from tests.functional import oracle

EXCLUDED = ("service", "admin")
NAMES = {
    # answer: (resource of the cloud, factor)
    "vcpu": ("cores", 1),
    "ram": ("ram", 1),
    "storage": ("gigabytes", 1024),
    "max_instances": ("instances", 1),
}

Quotas = dict[str, dict[str, tuple[int, int]]]


class Expected:
    """One cloud as its databases have it, read once: nothing changes it meanwhile."""

    def __init__(self, cloud: Cloud, *, placement: bool = False) -> None:
        self.capacity = (oracle.capacity_placement if placement else oracle.capacity)(cloud)
        self.quotas: Quotas = oracle.quotas(cloud)
        self.servers = oracle.instances(cloud)
        self.first_created = oracle.first_created(cloud)
        found = oracle.projects(cloud)
        self.projects = {
            i: p for i, p in found.items() if p["name"] not in EXCLUDED and self._counts(i, p)
        }

    def _counts(self, tenant: str, project: dict[str, Any]) -> bool:
        """Disabled projects count while they hold something."""
        use = self.quotas[tenant]
        return project["enabled"] or use["instances"][1] > 0 or use["gigabytes"][1] > 0

    def domains(self) -> dict[str, str]:
        """Give the customers: domain ids and names of projects."""
        return {p["domain_id"]: p["domain"] for p in self.projects.values()}

    def of_domain(self, domain: str) -> list[str]:
        return [i for i, p in self.projects.items() if p["domain_id"] == domain]

    def resource(self) -> dict[str, int]:
        quotas = self.quota(self.projects)
        keys = {"vcpu_quota": "vcpu", "memory_quota": "ram", "storage_quota": "storage"}
        return self.capacity | {key: quotas[name] for key, name in keys.items()}

    def quota(self, tenants: Iterable[str], *, skip: bool = False) -> dict[str, int]:
        return total((self.quotas[tenant] for tenant in tenants), skip=skip)

    def customers(self) -> list[tuple[str, int, int, int]]:
        """Give name, projects, groups and instances of each customer."""
        return sorted(
            (
                name,
                len(mine := self.of_domain(domain)),
                0,
                sum(self.servers.get(t, 0) for t in mine),
            )
            for domain, name in self.domains().items()
        )


def total(quotas: Iterable[dict[str, tuple[int, int]]], *, skip: bool = False) -> dict[str, int]:
    """Add up quotas: one that is unlimited makes the whole unlimited, or is skipped."""
    listed, answer = list(quotas), {}
    for name, (resource, factor) in NAMES.items():
        limits = [tenant[resource][0] for tenant in listed]
        limited = sum(limit for limit in limits if limit != -1) * factor
        answer[name] = limited if skip or -1 not in limits else -1
        answer[f"{name}_usage"] = sum(tenant[resource][1] for tenant in listed) * factor
    return answer
