"""Clouds as lists show them: results of polls, capacity, quotas and meters."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, ScalarSelect, Select, cast, func, null, or_, select

from openstats.meters import USAGE_METERS
from openstats.model import Capacity, Inventory, QuotaSum, Scope
from openstats.storage.access.visibility import granted_cloud
from openstats.storage.entries.pagination import Listing, RowQuery
from openstats.storage.entries.tenants import visible_tenants
from openstats.storage.inventory import capacity, compute_hosts, resource_providers
from openstats.storage.quota import sums
from openstats.storage.schema import tables
from openstats.storage.store import Database
from openstats.storage.usage import readings

cloud, job, tenant = tables.cloud, tables.job, tables.tenant

ANSWERED = ("discovery", "capacity", "instances")
"""Kinds of polls that succeed only if the cloud answered a call; other kinds may need no call."""


@dataclass(frozen=True, slots=True)
class CloudFigures:
    """What was read from a cloud.

    ``capacity`` comes with the time when it was read. ``read_until`` is the time of the newest
    reading by meter. ``inventories`` are those of Placement by availability zone.
    """

    capacity: tuple[Capacity, int] | None
    hosts: Mapping[str, int] | None
    quotas: Mapping[str, QuotaSum]
    read_until: Mapping[str, int | None]
    inventories: Mapping[str | None, Sequence[Inventory]]


@dataclass(frozen=True, slots=True)
class CloudDetails:
    """What only callers who see everything may see of a cloud.

    ``disk_shared`` is None if no provider is known. ``unused_entries`` are entries of clouds.yaml
    for the same cloud, with the reasons why they are not used. ``shared_services`` are services
    whose figures another cloud has, with that cloud's name.
    """

    auth_url: str
    region: str
    last_polled_at: int | None
    last_error: str | None
    disk_shared: bool | None
    unused_entries: Mapping[str, str]
    shared_services: Mapping[str, str]
    figures: CloudFigures


@dataclass(frozen=True, slots=True)
class StoredCloud:
    """A cloud; ``details`` are None for callers who do not see everything."""

    uuid: str
    name: str
    details: CloudDetails | None


def _select(query: RowQuery) -> Select[Any]:
    """Select all clouds, or those of the caller's visible tenants and those of their roles.

    A caller who does not see everything gets uuid and name. All other columns are NULL, so that
    filters do not reveal them.
    """
    names = cloud.c.uuid, cloud.c.name
    details = (
        cloud.c.auth_url,
        cloud.c.region,
        _last_polled_at().label("last_polled_at"),
        _last_error().label("last_error"),
        resource_providers.disk_shared().label("disk_shared"),
        cloud.c.left_aside,
        cloud.c.identity,
    )
    if query.everything:
        return select(*names, *details)
    nulls = (cast(null(), column.type).label(column.name) for column in details)
    of_tenants = visible_tenants(tenant.c.cloud_id, everything=False)
    return select(*names, *nulls).where(or_(cloud.c.id.in_(of_tenants), granted_cloud()))


def _last_polled_at() -> ScalarSelect[int]:
    polls = job.c.cloud_id == cloud.c.id, job.c.kind.in_(ANSWERED)
    return select(func.max(job.c.polled_at)).where(*polls).scalar_subquery()


def _last_error() -> ScalarSelect[str]:
    errors = select(job.c.error).where(job.c.cloud_id == cloud.c.id, job.c.error.is_not(None))
    return errors.order_by(job.c.error_at.desc(), job.c.kind).limit(1).scalar_subquery()


def _load(db: Database, scope: Scope, rows: Sequence[Row[Any]]) -> list[StoredCloud]:
    if not scope.everything:
        return [StoredCloud(row.uuid, row.name, None) for row in rows]
    figures = _figures(db)
    return [StoredCloud(row.uuid, row.name, _details(row, figures[row.uuid])) for row in rows]


def _figures(db: Database) -> dict[str, CloudFigures]:
    """Return the figures of all clouds (uuids)."""
    capacities, quotas = capacity.by_cloud(db), sums.by_cloud(db)
    hosts, inventories = compute_hosts.by_cloud(db), resource_providers.inventories(db)
    read_until = readings.newest_by_cloud(db, USAGE_METERS)
    figures = {}
    for uuid, cloud_id in db.execute(select(cloud.c.uuid, cloud.c.id)):
        figures[uuid] = CloudFigures(
            capacity=capacities.get(cloud_id),
            hosts=hosts.get(cloud_id),
            quotas=quotas.get(cloud_id, {}),
            read_until=read_until[cloud_id],
            inventories=inventories.get(uuid, {}),
        )
    return figures


def _details(row: Row[Any], figures: CloudFigures) -> CloudDetails:
    return CloudDetails(
        auth_url=row.auth_url,
        region=row.region,
        last_polled_at=row.last_polled_at,
        last_error=row.last_error,
        disk_shared=row.disk_shared,
        unused_entries=_unused_entries(row.left_aside),
        shared_services=_shared_services(row.identity),
        figures=figures,
    )


def _unused_entries(left_aside: str | None) -> dict[str, str]:
    """Return the reasons by name of the entry, merged over the hosts that found them."""
    reasons: dict[str, str] = {}
    for reasons_of_host in json.loads(left_aside).values() if left_aside else ():
        reasons |= reasons_of_host
    return reasons


def _shared_services(identity: str | None) -> dict[str, str]:
    """Return the names of clouds by the services that they share with this one."""
    shared: dict[str, str] = json.loads(identity).get("shared", {}) if identity else {}
    return shared


CLOUDS = Listing(_select, _load)
