"""Fills a store as the collector would: 10,000 instances, 1,000 projects, 100 groups and customers.

What is in it follows from numbers alone, so that every run measures the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import numpy as np
from sqlalchemy import insert

from openstats.discovery import Assignment, KeystoneProject, Origin
from openstats.meters import QUOTAS, USAGE_METERS
from openstats.model import Capacity, Cloud, Instance, Lease, Quota, VolumeUse
from openstats.storage import jobs
from openstats.storage.inventory import capacity, instances, volumes
from openstats.storage.quota import by_tenant
from openstats.storage.registry import clouds as cloud_rows
from openstats.storage.registry import discovery, tenants
from openstats.storage.schema import tables
from openstats.storage.store import Database, Store
from openstats.storage.usage import readings

NOW = 1_790_000_000
DAY = 86_400
GRID = 300
END = NOW // GRID * GRID
"""When usage was read last."""
LATELY = range(END - DAY, END + 1, GRID)
METER = USAGE_METERS["memory.allocated"]
PIECE = 1000
KINDS = ("discovery", "instances", "volumes", "capacity", "quotas")


@dataclass(frozen=True)
class Size:
    """How much there is."""

    clouds: int = 4
    customers: int = 100
    projects: int = 1_000
    groups: int = 100
    instances: int = 10_000


def uuid(kind: str, number: int) -> str:
    """Give the same uuid for the same thing in every run."""
    return str(uuid5(NAMESPACE_OID, f"{kind}-{number}"))


def fill(store: Store, size: Size = Size(), read_at: Sequence[int] = LATELY) -> None:
    """Write everything, cloud by cloud; ``read_at`` is when usage was read."""
    for number in range(size.clouds):
        with store.transaction() as db:
            cloud = _fill_cloud(db, size, number)
            mine = range(number, size.projects, size.clouds)
            _fill_readings(db, cloud, [uuid("project", project) for project in mine], read_at)


def auth_url(number: int) -> str:
    """Give the auth_url of a cloud."""
    return f"https://cloud-{number}.example.org:5000/v3"


def _fill_cloud(db: Database, size: Size, number: int) -> Cloud:
    keystone = auth_url(number).removesuffix("/v3")
    entry = Cloud(f"cloud-{number}", auth_url(number), "RegionOne", keystone)
    cloud = cloud_rows.register(db, entry, [], NOW)
    mine = range(number, size.projects, size.clouds)
    for position, project in enumerate(mine):
        # A few at a time, so that creation dates spread over the year before.
        if position % 25 == 0:
            born = NOW - DAY * (position % 365)
            assignments = [_assignment(size, keystone, p) for p in mine[: position + 25]]
            discovery.write(db, cloud, assignments, now=born, first=False)
        del project
    _fill_figures(db, cloud, size, mine)
    for lease in jobs.lease(db, [cloud.name], KINDS, now=NOW, until=NOW + 60, limit=9):
        _succeed(db, lease)
    return cloud


def _succeed(db: Database, lease: Lease) -> None:
    jobs.succeed(db, lease, now=NOW, next_at=NOW + 300, seconds=1.0, cursor={})


def _assignment(size: Size, keystone: str, number: int) -> Assignment:
    customer, group = number % size.customers, number % size.groups
    project = KeystoneProject(uuid("project", number), f"project-{number:05}", "d", "D", None, True)
    names = frozenset({f"group-{group:03}"})
    # Customers are joined over clouds, as customer_from = file does it.
    return Assignment(
        project, Origin("file", f"customer-{customer:03}"), f"Customer {customer:03}", names
    )


def _fill_figures(db: Database, cloud: Cloud, size: Size, mine: range) -> None:
    rows = tenants.rows_of(db, cloud, [], NOW)
    found = {uuid("project", number): VolumeUse(2, 20, 1, 5) for number in mine}
    volumes.write(db, cloud, found, NOW)
    for number in mine:
        figures = {m.name: Quota(100 * (number % 7 + 1) * m.factor, number % 50) for m in QUOTAS}
        row = rows[uuid("project", number)]
        by_tenant.record(db, row, figures, now=NOW, due_at=NOW + 1800, error=None)
    servers = list(_instances(size, mine))
    instances.write(db, cloud, servers, seen=NOW, now=NOW)
    capacity.record(db, cloud, Capacity(6400, 1000, 10**7, 10**6, 9 * 10**6, 10**5), NOW)


def _instances(size: Size, mine: range) -> Iterator[Instance]:
    each = size.instances // size.projects
    for project in mine:
        for number in range(each):
            yield Instance(
                uuid=uuid("instance", project * each + number),
                tenant=uuid("project", project),
                name=f"server-{number}",
                status="ACTIVE",
                vcpus=2,
                ram=4096,
                disk=40,
                created_at=NOW - number,
            )


def held(tenants: int) -> Any:
    """Give the MiB that each slot holds all the time; the clock's none."""
    return np.append(0.0, 1024.0 * (np.arange(1, tenants + 1) % 7 + 1))


def _fill_readings(db: Database, cloud: Cloud, ids: Sequence[str], at: Sequence[int]) -> None:
    readings.slots(db, cloud, ids, NOW)
    for first in range(0, len(at), PIECE):
        rows = [_reading(cloud, moment, len(ids), at[0]) for moment in at[first : first + PIECE]]
        db.execute(insert(tables.reading), rows)


def _reading(cloud: Cloud, at: int, tenants: int, begun: int) -> dict[str, Any]:
    weights = np.full(tenants + 1, float(at - begun))
    vectors = {"totals": (held(tenants) * weights).tobytes(), "weights": weights.tobytes()}
    return {"cloud_id": cloud.id, "meter": METER.name, "at": at, "kept": False} | vectors
