"""Clouds of a given size, the same ones every time: for tests and benchmarks.

Ids follow from numbers, so that two runs (or a store filled beforehand) speak of the same things.
"""

import hashlib
import uuid
from dataclasses import dataclass

from tests.double.cloud import Double
from tests.double.state import Flavor

FLAVORS = (
    Flavor("m1.tiny", 1, 512, 1),
    Flavor("m1.small", 1, 2048, 20),
    Flavor("m1.medium", 2, 4096, 40),
    Flavor("m1.large", 4, 8192, 80),
)
STEP = 60.0


@dataclass(frozen=True)
class Size:
    """How much of everything; customers are domains, projects are spread over them.

    Doubles of other labels have other servers.
    """

    projects: int = 10
    servers: int = 50
    volumes: int = 20
    hypervisors: int = 4
    customers: int = 2
    snapshots: int = 0
    label: str = ""


def stable_id(kind: str, number: int) -> str:
    """Give the 32 hex digits of the thing of this kind and number."""
    return hashlib.md5(f"{kind} {number}".encode(), usedforsecurity=False).hexdigest()


def stable_uuid(kind: str, number: int) -> str:
    """Give the same with dashes."""
    return str(uuid.UUID(stable_id(kind, number)))


def populate(double: Double, size: Size) -> None:
    """Fill the double. The last server is as old as now, each other one a minute older."""
    customers = [
        double.create_domain(f"customer-{number:04}", stable_id("domain", number)).id
        for number in range(size.customers)
    ] or ["default"]
    tenants = [
        double.create_project(
            f"project-{number:05}",
            customers[number % len(customers)],
            id=stable_id("project", number),
        ).id
        for number in range(size.projects)
    ]
    hypervisors = [
        double.add_hypervisor(
            f"compute-{number:04}",
            vcpus=256,
            ram=1048576,
            disk=20000,
            id=stable_uuid("hypervisor", number),
        ).id
        for number in range(size.hypervisors)
    ]
    _use(double, size, tenants, hypervisors)


def _use(double: Double, size: Size, tenants: list[str], hypervisors: list[str]) -> None:
    now = double.clock()
    for tenant in tenants:
        double.set_quota(
            tenant, instances=1000, cores=4000, ram=8192000, volumes=1000, gigabytes=100000
        )
    for number in range(size.servers):
        double.boot(
            tenants[number % len(tenants)],
            FLAVORS[number % len(FLAVORS)],
            f"server-{number:06}",
            id=stable_uuid(f"{size.label}server", number),
            hypervisor=hypervisors[number % len(hypervisors)],
            created=now - STEP * (size.servers - 1 - number),
        )
    made = [
        double.create_volume(
            tenants[number % len(tenants)],
            1 + number % 10,
            name=f"volume-{number:06}",
            created=now - STEP * (size.volumes - 1 - number),
        ).id
        for number in range(size.volumes)
    ]
    for volume in made[: size.snapshots]:
        double.create_snapshot(volume)
