"""Fills a store through the functions that the collector uses, in few words.

``site(db).project("p1", customer="acme", groups=["web"]).discover().quota("p1", vcpu=(8, 2))``
"""

from collections.abc import Iterable
from typing import Any, Self
from uuid import uuid4

from sqlalchemy import select, update

from openstats.auth_url import compared
from openstats.discovery import Assignment, KeystoneProject, Origin
from openstats.meters import QUOTA_NAMES, USAGE_METERS
from openstats.model import Capacity, Changes, Cloud, Instance, Quota, VolumeTypeQuota, VolumeUse
from openstats.readings import Delta
from openstats.statistics import odometer
from openstats.storage import jobs
from openstats.storage.access import visibility
from openstats.storage.inventory import capacity, instances, volumes
from openstats.storage.quota import by_tenant
from openstats.storage.registry import clouds, discovery, tenants
from openstats.storage.schema import tables
from openstats.storage.store import Database
from openstats.storage.usage import readings

NOW = 1_700_000_000
KEYSTONE = "https://keystone.example:5000"
KINDS = jobs.KINDS
AGGREGATES = ("customer", "project", "project_group")
CAPACITY = Capacity(64, 4, 516588, 6144, 510444, 14)


class Site:
    """A cloud, and what the next sweep of its Keystone will find."""

    def __init__(self, db: Database, cloud: Cloud) -> None:
        self.db = db
        self.cloud = cloud
        self.assignments: dict[str, Assignment] = {}
        jobs.ensure(db, cloud.id, KINDS, NOW)

    def project(
        self,
        key: str,
        *,
        name: str = "",
        customer: str | None = "acme",
        customer_key: str = "",
        groups: Iterable[str] = (),
        enabled: bool = True,
    ) -> Self:
        """Have the next sweep find a project; its customer's key is its name, unless given."""
        project = KeystoneProject(key, name or key, "d1", "Default", None, enabled)
        owner = Origin(self.cloud.keystone, customer_key or customer) if customer else None
        self.assignments[key] = Assignment(project, owner, customer or "", frozenset(groups))
        return self

    def without(self, key: str) -> Self:
        """Have the next sweep miss a project."""
        del self.assignments[key]
        return self

    def discover(self, now: int = NOW, *, first: bool = False) -> Self:
        """Write what a complete sweep finds."""
        discovery.write(self.db, self.cloud, list(self.assignments.values()), now=now, first=first)
        return self

    def row(self, key: str) -> int:
        """Return the row id of a tenant."""
        return tenants.rows_of(self.db, self.cloud, {key}, NOW)[key]

    def quota(self, key: str, *, at: int = NOW, **figures: tuple[int, int]) -> Self:
        """Write limit and use of a tenant; what is not named is 0 of 0."""
        return self.partial_quota(key, at=at, **dict.fromkeys(QUOTA_NAMES, (0, 0)) | figures)

    def partial_quota(self, key: str, *, at: int = NOW, **figures: tuple[int, int]) -> Self:
        """Write limit and use of a tenant whose services returned only what is named."""
        quotas = {name: Quota(*pair) for name, pair in figures.items()}
        by_tenant.record(self.db, self.row(key), quotas, now=at, due_at=at + 1800, error=None)
        return self

    def volume_types(self, key: str, **kinds: VolumeTypeQuota) -> Self:
        """Write quotas of a tenant by volume type, and nothing else."""
        outcome: dict[str, Any] = {"now": NOW, "due_at": NOW + 1800, "error": None}
        by_tenant.record(self.db, self.row(key), {}, volume_types=kinds, **outcome)
        return self

    def server(self, key: str, *, seen: int = NOW, **fields: Any) -> Changes:
        """Write a server of a tenant; return what ``instances.write`` returns."""
        return instances.write(self.db, self.cloud, [server(key, **fields)], seen=seen, now=NOW)

    def servers(self, key: str, number: int) -> Self:
        """Write so many servers."""
        servers = [server(key) for _ in range(number)]
        instances.write(self.db, self.cloud, servers, seen=NOW, now=NOW)
        return self

    def volumes(self, **counts: int) -> Self:
        """Write a complete sweep: by tenant, how many volumes it has."""
        use = {key: VolumeUse(number, number, 0, 0) for key, number in counts.items()}
        volumes.write(self.db, self.cloud, use, NOW)
        return self

    def capacity(self, figures: Capacity = CAPACITY, *, at: int = NOW) -> Self:
        """Write what the hypervisors have."""
        capacity.record(self.db, self.cloud, figures, at)
        return self

    def read(self, item: str, at: int, seconds: int = 300, **amounts: float) -> Self:
        """Write a reading of a meter: what tenants had in the seconds before, on the average.

        Of a share: how many vCPUs of one they burnt. The first one only begins.
        """
        last = readings.last(self.db, self.cloud, item)
        if last is None:
            reading = odometer.first_reading(at)
        else:
            slots = readings.slots(self.db, self.cloud, amounts, at)
            gains = {slots[key]: (amount * seconds, seconds) for key, amount in amounts.items()}
            reading = odometer.advance(last, Delta(at, seconds, gains), USAGE_METERS[item])
        readings.append(self.db, self.cloud, item, reading)
        return self

    def polled(self, *kinds: str, at: int = NOW) -> Self:
        """Have polls of these kinds (all of them) succeed; the next ones are an hour away."""
        until, job_kinds = at + 60, kinds or KINDS
        jobs.make_due(self.db, [self.cloud.id], job_kinds, at)
        names = [self.cloud.name]
        for lease in jobs.lease(self.db, names, job_kinds, now=at, until=until, limit=len(KINDS)):
            jobs.succeed(self.db, lease, now=at, next_at=at + 3600, seconds=1, cursor={})
        return self


def site(
    db: Database,
    name: str = "alpha",
    *,
    auth_url: str = KEYSTONE,
    region: str = "RegionOne",
    aliases: Iterable[str] = (),
) -> Site:
    """Register a cloud that was never polled."""
    entry = Cloud(name, auth_url, region, compared(auth_url))
    return Site(db, clouds.write_cloud(db, entry, map(compared, aliases)))


def server(tenant: str, **fields: Any) -> Instance:
    """Return a server of a tenant."""
    usual: dict[str, Any] = {"uuid": str(uuid4()), "name": "vm", "status": "ACTIVE"}
    usual |= {"vcpus": 2, "ram": 4096, "disk": 20, "created_at": NOW - 1000}
    return Instance(tenant=tenant, **usual | fields)


def uuids(db: Database, aggregate: str) -> dict[str, str]:
    """Give the uuids of an aggregate's objects by name."""
    table = visibility.OBJECTS[aggregate]
    return {row.name: row.uuid for row in db.execute(select(table.c.name, table.c.uuid))}


def created(db: Database, aggregate: str) -> dict[str, int | None]:
    """Give the creation dates of an aggregate's objects by name."""
    table = visibility.OBJECTS[aggregate]
    found = db.execute(select(table.c.name, table.c.created_at))
    return {row.name: row.created_at for row in found}


def change(db: Database, table: str, name: str, /, **values: Any) -> None:
    """Change an object of the registry as somebody would by hand."""
    changed = tables.metadata.tables[table]
    done = db.execute(update(changed).where(changed.c.name == name).values(**values))
    assert done.rowcount == 1, f"there is not one {table} {name}"
