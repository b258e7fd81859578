"""Coverage: of how much of what a caller sees a kind of poll has brought figures."""

from functools import cache
from typing import Any

from sqlalchemy import and_, bindparam, case, func, select

from openstats.model import Coverage, Scope
from openstats.storage import schema
from openstats.storage.membership import project, tenant, variables, visible_tenant, whole_sum
from openstats.storage.store import Database

cloud, job = schema.cloud, schema.job


@cache
def _tenants(everything: bool) -> Any:
    """Count the linked tenants that exist by cloud."""
    found = select(tenant.c.cloud_id, func.count().label("tenants"))
    found = found.where(tenant.c.project_id.is_not(None), tenant.c.deleted_at.is_(None))
    if not everything:
        found = found.join(project, project.c.id == tenant.c.project_id)
        found = found.where(visible_tenant(everything))
    return found.group_by(tenant.c.cloud_id).subquery("tenants")


@cache
def _polled(everything: bool) -> Any:
    """Join clouds with their job of a kind; who does not see everything, sees clouds of tenants."""
    held = _tenants(everything)
    mine = and_(job.c.cloud_id == cloud.c.id, job.c.kind == bindparam("kind"))
    joined = cloud.outerjoin(job, mine)
    joined = joined.join(held, held.c.cloud_id == cloud.c.id, isouter=everything)
    polled = job.c.polled_at
    return select(
        whole_sum(held.c.tenants),
        whole_sum(case((polled.is_not(None), held.c.tenants))),
        func.count(cloud.c.id),
        func.count(polled),
        func.min(polled),
    ).select_from(joined)


def of_polls(db: Database, scope: Scope, kind: str) -> Coverage:
    """Say of how many visible tenants and clouds a kind of poll ever succeeded."""
    row = db.execute(_polled(scope.everything), variables(scope) | {"kind": kind}).one()
    tenants, tenants_known, clouds, clouds_known, oldest = row
    return Coverage(tenants, tenants_known, clouds, clouds_known, oldest)
