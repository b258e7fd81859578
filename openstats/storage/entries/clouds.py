"""Clouds as they are shown: what polls said of each, its capacity, quotas and meters.

Of what can be given away api/clouds.py tells, who knows the arithmetic.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection, Select, cast, delete, exists, func, null, or_, select

from openstats.errors import ConflictError
from openstats.meters import USAGE_METERS
from openstats.model import Capacity, Cloud, Scope
from openstats.storage import jobs, quota
from openstats.storage.access.visibility import granted_cloud
from openstats.storage.alerts import closing
from openstats.storage.entries.pagination import Entry, Listing
from openstats.storage.entries.tenants import seen_tenants
from openstats.storage.inventory import capacity, compute_hosts, resource_providers
from openstats.storage.registry import clouds
from openstats.storage.schema import tables
from openstats.storage.schema.alerts import alert, alert_episode
from openstats.storage.store import advisory_lock
from openstats.storage.usage import readings

cloud, job, tenant = tables.cloud, tables.job, tables.tenant

ANSWERED = ("discovery", "capacity", "instances")
"""Kinds of polls that succeed only if the cloud answered something; others may have had no call."""


def _clouds(everything: bool) -> Select[Any]:
    failed = select(job.c.error).where(job.c.cloud_id == cloud.c.id, job.c.error.is_not(None))
    newest = failed.order_by(job.c.error_at.desc(), job.c.kind).limit(1).scalar_subquery()
    mine = job.c.cloud_id == cloud.c.id, job.c.kind.in_(ANSWERED)
    polled = select(func.max(job.c.polled_at)).where(*mine)
    hidden = (
        cloud.c.auth_url,
        cloud.c.region,
        polled.scalar_subquery().label("last_polled_at"),
        newest.label("last_error"),
        resource_providers.disk_shared().label("disk_shared"),
        cloud.c.left_aside,
        cloud.c.identity.label("shared_services"),
    )
    own = cloud.c.uuid, cloud.c.name
    if everything:
        return select(*own, *hidden)
    # Nor does a filter tell what they hold.
    empty = (cast(null(), column.type).label(column.name) for column in hidden)
    seen = seen_tenants(everything, tenant.c.cloud_id)
    return select(*own, *empty).where(or_(cloud.c.id.in_(seen), granted_cloud()))


def _completed(db: Connection, scope: Scope, entries: list[Entry]) -> list[Entry]:
    """Add figures; leave who does not see everything no more than uuid and name."""
    if not scope.everything:
        return [{name: entry[name] for name in ("uuid", "name")} for entry in entries]
    ids = {row.uuid: row.id for row in db.execute(select(cloud.c.uuid, cloud.c.id))}
    capacities, quotas = capacity.by_cloud(db), quota.by_cloud(db)
    states = compute_hosts.by_cloud(db)
    read_at = readings.newest_by_cloud(db, USAGE_METERS)
    return [
        entry
        | {"left_aside": _left_aside(entry["left_aside"])}
        | {"shared_services": _shared_services(entry["shared_services"])}
        | _capacity(capacities.get(ids[entry["uuid"]]))
        | {"hosts": states.get(ids[entry["uuid"]])}
        | {"quota": _quota(quotas.get(ids[entry["uuid"]], {}))}
        | {"meters": _meters(read_at[ids[entry["uuid"]]])}
        for entry in entries
    ]


def _left_aside(text: str | None) -> list[Entry]:
    """Return the entries of clouds.yaml that are not used for a cloud, by name, with the reason."""
    entries: dict[str, str] = {}
    for reasons in json.loads(text).values() if text else ():
        entries |= reasons
    return [{"name": name, "reason": entries[name]} for name in sorted(entries)]


def _shared_services(marks: str | None) -> list[Entry]:
    """Return the services whose figures another cloud has, by name, with the name of that cloud."""
    shared = json.loads(marks).get("shared", {}) if marks else {}
    return [{"service": service, "cloud": shared[service]} for service in sorted(shared)]


def _capacity(found: tuple[Capacity, int] | None) -> Entry:
    if found is None:
        return {"source": None, "capacity": None}
    figures = asdict(found[0])
    return {"source": figures.pop("source"), "capacity": figures | {"collected_at": found[1]}}


def _quota(sums: quota.Sums) -> Entry:
    return {name: figures._asdict() for name, figures in sums.items()}


def _meters(read_at: Mapping[str, int | None]) -> list[Entry]:
    return [
        {"item": meter.item, "basis": meter.basis, "complete_until": read_at[name]}
        for name, meter in USAGE_METERS.items()
        if read_at[name] is not None
    ]


CLOUDS = Listing(_clouds, _completed)


def write(db: Connection, uuid: str, given: Mapping[str, Any], now: int) -> None:
    """Register a cloud, as clouds.yaml tells it; its jobs are due at once.

    Raises:
        ConflictError: it is there, by its name or another.
    """
    advisory_lock(db, "registration")
    found: Cloud = given["cloud"]
    same = clouds.find(db, found)
    taken = db.scalar(select(cloud.c.name).where(cloud.c.name == found.name))
    if same is not None or taken is not None:
        raise ConflictError(f"it is registered already, as {same.name if same else taken}")
    kept = clouds.register_cloud(db, replace(found, uuid=uuid), given["urls"])
    jobs.ensure(db, kept.id, jobs.KINDS, now)


def remove(db: Connection, uuid: str, now: int) -> None:
    """Remove a cloud with all that was read of it, and end its alerts.

    Raises:
        ConflictError: a tenant of it is linked to a project.
    """
    owner = clouds.cloud_of(db.execute(select(cloud).where(cloud.c.uuid == uuid)).one())
    there = tenant.c.cloud_id == owner.id, tenant.c.deleted_at.is_(None)
    if db.scalar(select(exists().where(*there, tenant.c.project_id.is_not(None)))):
        raise ConflictError("it still has tenants that are linked to a project")
    closing.close_of_owners(db, "cloud", [owner.id], now)
    # What receivers tell of it since is nobody's: no history of its tenants is left.
    below = select(alert.c.id).where(alert.c.cloud_id == owner.id)
    db.execute(delete(alert_episode).where(alert_episode.c.alert_id.in_(below)))
    clouds.remove_cloud(db, owner)
