"""Coverage: of how much of what a caller sees a kind of poll has brought figures."""

from collections.abc import Callable
from functools import cache
from typing import Any

from sqlalchemy import bindparam, case, func, select

from openstats.model import Coverage, Scope
from openstats.storage import schema, usage
from openstats.storage.membership import project, tenant, variables, visible_project, whole_sum
from openstats.storage.store import Database

cloud, job = schema.cloud, schema.job


@cache
def _tenants(everything: bool) -> Any:
    """Count the linked tenants that exist by cloud."""
    found = select(tenant.c.cloud_id, func.count().label("tenants"))
    found = found.where(tenant.c.project_id.is_not(None), tenant.c.deleted_at.is_(None))
    if not everything:
        found = found.join(project, project.c.id == tenant.c.project_id)
        found = found.where(visible_project(everything))
    return found.group_by(tenant.c.cloud_id).subquery("tenants")


def _polled() -> Any:
    """Give the time of a cloud's newest poll of a kind that succeeded."""
    mine = job.c.cloud_id == cloud.c.id, job.c.kind == bindparam("what")
    return select(job.c.polled_at).where(*mine).scalar_subquery()


def _read() -> Any:
    """Give the time of a cloud's newest reading of a meter."""
    return usage.newest(cloud.c.id, bindparam("what"))


@cache
def _covered(everything: bool, known: Callable[[], Any]) -> Any:
    """Join clouds with when they are known; who does not see everything, sees clouds of tenants."""
    held = _tenants(everything)
    at = select(cloud.c.id.label("cloud_id"), known().label("at")).subquery("known")
    joined = at.join(held, held.c.cloud_id == at.c.cloud_id, isouter=everything)
    return select(
        whole_sum(held.c.tenants),
        whole_sum(case((at.c.at.is_not(None), held.c.tenants))),
        func.count(at.c.cloud_id),
        func.count(at.c.at),
        func.min(at.c.at),
    ).select_from(joined)


def _of(db: Database, scope: Scope, known: Callable[[], Any], what: str) -> Coverage:
    row = db.execute(_covered(scope.everything, known), variables(scope) | {"what": what}).one()
    return Coverage(*row)


def of_polls(db: Database, scope: Scope, kind: str) -> Coverage:
    """Say of how many visible tenants and clouds a kind of poll ever succeeded."""
    return _of(db, scope, _polled, kind)


def of_readings(db: Database, scope: Scope, item: str) -> Coverage:
    """Say of how many visible tenants and clouds a meter was read; the oldest is the newest of one.

    What was used is complete until ``oldest``.
    """
    return _of(db, scope, _read, item)
