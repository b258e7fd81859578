"""Clouds as lists show them: results of polls, capacity, quotas and meters.

What providers can allocate takes arithmetic: the view adds it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import ScalarSelect, Select, cast, func, null, or_, select

from openstats.meters import USAGE_METERS
from openstats.model import Capacity, QuotaSum, Scope
from openstats.storage.access.visibility import granted_cloud
from openstats.storage.entries.pagination import Entry, Listing
from openstats.storage.entries.tenants import visible_tenants
from openstats.storage.inventory import capacity, compute_hosts, resource_providers
from openstats.storage.quota import sums
from openstats.storage.schema import tables
from openstats.storage.store import Database
from openstats.storage.usage import readings

cloud, job, tenant = tables.cloud, tables.job, tables.tenant

ANSWERED = ("discovery", "capacity", "instances")
"""Kinds of polls that succeed only if the cloud answered a call; other kinds may need no call."""


def _rows(everything: bool) -> Select[Any]:
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
        cloud.c.identity.label("shared_services"),
    )
    if everything:
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


def _with_figures(db: Database, scope: Scope, entries: list[Entry]) -> list[Entry]:
    """Add figures for callers who see everything; reduce entries to uuid and name for others."""
    if not scope.everything:
        return [{"uuid": entry["uuid"], "name": entry["name"]} for entry in entries]
    ids = dict(db.execute(select(cloud.c.uuid, cloud.c.id)).all())
    capacities, quotas = capacity.by_cloud(db), sums.by_cloud(db)
    hosts = compute_hosts.by_cloud(db)
    read_at = readings.newest_by_cloud(db, USAGE_METERS)
    for entry in entries:
        cloud_id = ids[entry["uuid"]]
        entry["left_aside"] = _left_aside(entry["left_aside"])
        entry["shared_services"] = _shared_services(entry["shared_services"])
        entry.update(_capacity(capacities.get(cloud_id)))
        entry["hosts"] = hosts.get(cloud_id)
        entry["quota"] = _quota(quotas.get(cloud_id, {}))
        entry["meters"] = _meters(read_at[cloud_id])
    return entries


def _left_aside(text: str | None) -> list[Entry]:
    """Return the entries of clouds.yaml that are not used for a cloud, by name, with reasons."""
    reasons: dict[str, str] = {}
    for reasons_of_host in json.loads(text).values() if text else ():
        reasons |= reasons_of_host
    return [{"name": name, "reason": reasons[name]} for name in sorted(reasons)]


def _shared_services(marks: str | None) -> list[Entry]:
    """Return the services whose figures another cloud has, by name, with that cloud's name."""
    shared = json.loads(marks).get("shared", {}) if marks else {}
    return [{"service": service, "cloud": shared[service]} for service in sorted(shared)]


def _capacity(collected: tuple[Capacity, int] | None) -> Entry:
    if collected is None:
        return {"source": None, "capacity": None}
    figures, collected_at = asdict(collected[0]), collected[1]
    return {"source": figures.pop("source"), "capacity": figures | {"collected_at": collected_at}}


def _quota(totals: Mapping[str, QuotaSum]) -> Entry:
    return {name: figures._asdict() for name, figures in totals.items()}


def _meters(read_at: Mapping[str, int | None]) -> list[Entry]:
    return [
        {"item": meter.item, "basis": meter.basis, "complete_until": read_at[name]}
        for name, meter in USAGE_METERS.items()
        if read_at[name] is not None
    ]


CLOUDS = Listing(_rows, _with_figures)
