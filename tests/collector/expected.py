"""What a store must hold of a double, by naive sums over the things in it."""

from collections import Counter
from typing import Any

from openstats.model import EVERYTHING
from openstats.storage.counts import customer
from openstats.storage.inventory import capacity
from openstats.storage.store import Store
from tests.double import Double

LIMITS = {"instances": 10, "cores": 20, "ram": 51200, "gigabytes": 1000}
"""The services' defaults, where a tenant has no limits of its own."""
FIGURES = ("vcpu", "ram", "max_instances", "storage")

Figures = dict[str, tuple[int | None, ...]]


def quotas(double: Double, *, excluded: tuple[str, ...] = ("admin", "service")) -> Figures:
    """Return limits, then uses, of each tenant that belongs to a customer, as ``FIGURES``."""
    state = double.state
    figures: Figures = {}
    for key, project in state.projects.items():
        if project.name in excluded:
            continue
        limits = LIMITS | state.limits.get(key, {})
        servers = [s for s in state.servers.values() if s.tenant_id == key]
        stored = [*state.volumes.values(), *state.snapshots.values()]
        size = sum(held.size for held in stored if held.tenant_id == key)
        figures[key] = (
            limits["cores"],
            limits["ram"],
            limits["instances"],
            limits["gigabytes"] * (1024 if limits["gigabytes"] > 0 else 1),
            sum(server.flavor.vcpus for server in servers),
            sum(server.flavor.ram for server in servers),
            len(servers),
            size * 1024,
        )
    return figures


def known_quotas(store: Store, cloud: str = "alpha") -> Figures:
    """Return the same as the store has it; None where nothing is known."""
    columns = [f"q.{name}_{what}" for what in ("limit", "in_use") for name in FIGURES]
    query = (
        f"SELECT t.tenant_id, {', '.join(columns)} FROM quota q "
        "JOIN tenant t ON t.id = q.tenant_id JOIN cloud c ON c.id = t.cloud_id "
        f"WHERE c.name = '{cloud}' AND t.project_id IS NOT NULL AND t.deleted_at IS NULL"
    )
    with store.read() as db:
        return {row[0]: tuple(row[1:]) for row in db.exec_driver_sql(query)}


def capacities(double: Double) -> dict[str, int]:
    """Sum what Nova's statistics tell over the hypervisors of enabled services."""
    held, used = Counter[str](), Counter[str]()
    for hypervisor in double.state.hypervisors.values():
        if double.state.services[hypervisor.host].disabled:
            continue
        for name, inventory in hypervisor.provider.inventories.items():
            held[name] += int(inventory["total"])
            used[name] += int(inventory["reserved"])
        for server in double.state.servers.values():
            if server.hypervisor_id == hypervisor.id:
                used.update(server.resources)
    return {
        "vcpus": held["VCPU"],
        "vcpus_used": used["VCPU"],
        "memory_mb": held["MEMORY_MB"],
        "memory_mb_used": used["MEMORY_MB"],
        "free_ram_mb": held["MEMORY_MB"] - used["MEMORY_MB"],
        "free_disk_gb": held["DISK_GB"] - used["DISK_GB"],
    }


def known_capacity(store: Store, double: Double) -> dict[str, Any]:
    """Return the same as the store has it, with ``source``, and ``at``, when it was read."""
    url = double.auth_url.removesuffix("/v3")
    with store.read() as db:
        (row,) = capacity.of_url(db, url, double.settings.region).values()
    if row is None:
        return {}
    figures, at = row
    names = (*capacities(double), "source")
    return {name: getattr(figures, name) for name in names} | {"at": at}


def customers(store: Store) -> dict[str, tuple[int, int, int]]:
    """Return projects, groups and instances by customer."""
    with store.read() as db:
        counts = customer.listing(db, EVERYTHING)
    return {c.customer.name: (c.projects, c.project_groups, c.instances) for c in counts}


def servers(store: Store) -> set[str]:
    """Return the uuids of all servers."""
    with store.read() as db:
        return set(db.exec_driver_sql("SELECT uuid FROM instance").scalars())
