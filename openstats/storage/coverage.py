"""Coverage: of how many tenants and clouds that a caller asks about the figures are known.

Every statistic counts the same: the tenants that count and are linked to a project, and the clouds
of these; all clouds for a caller who sees everything and narrows nothing down. A cloud whose
projects discovery never read is never known.
"""

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Subquery,
    and_,
    case,
    distinct,
    exists,
    func,
    or_,
    select,
)

from openstats.model import Coverage, Scope
from openstats.storage.access.visibility import (
    counts,
    granted_cloud,
    project,
    quota,
    tenant,
    variables,
    visible_tenant,
)
from openstats.storage.dialects import one_of, whole_sum
from openstats.storage.prepared import Prepared
from openstats.storage.schema import tables
from openstats.storage.store import Database

cloud, job = tables.cloud, tables.job


def polled(kind: str) -> ColumnElement[bool]:
    """Return the condition that a kind of poll of a cloud ever succeeded."""
    poll = job.alias(kind)
    of_cloud = poll.c.cloud_id == cloud.c.id, poll.c.kind == kind
    return exists().where(*of_cloud, poll.c.polled_at.is_not(None))


def discovered() -> ColumnElement[bool]:
    """Return the condition that the projects of a cloud were ever read."""
    member = tenant.alias("own")
    linked = exists().where(member.c.cloud_id == cloud.c.id, member.c.project_id.is_not(None))
    return or_(polled("discovery"), linked)


def _tenants(*, everything: bool) -> Subquery:
    """Count the linked tenants that count, by cloud."""
    rows = select(tenant.c.cloud_id, func.count().label("tenants"))
    rows = rows.where(tenant.c.project_id.is_not(None), counts)
    if not everything:
        rows = rows.join(project, project.c.id == tenant.c.project_id)
        rows = rows.where(visible_tenant(everything=False))
    return rows.group_by(tenant.c.cloud_id).subquery("tenants")


def _all_polled(kinds: Collection[str]) -> ColumnElement[Any]:
    """Return when polls of these kinds succeeded, the oldest of them; NULL where one never did."""
    oldest = case((func.count(job.c.polled_at) == len(kinds), func.min(job.c.polled_at)))
    of_kinds = job.c.cloud_id == cloud.c.id, or_(*(job.c.kind == kind for kind in kinds))
    return select(oldest).where(*of_kinds).scalar_subquery()


@cache
def _polls(kinds: tuple[str, ...], *, everything: bool) -> Prepared:
    """Count tenants and clouds, and those of clouds of which all kinds of polls succeeded.

    A caller who does not see everything sees the clouds of visible tenants, and those of a role::

        SELECT sum(tenants), sum(tenants) of rows with polled_at, count(id), count(polled_at),
               min(polled_at)
        FROM (SELECT tenants.tenants, cloud.id,
                     CASE WHEN <discovered> THEN
                         (SELECT CASE WHEN count(polled_at) = <number of kinds>
                                 THEN min(polled_at) END
                          FROM job WHERE job.cloud_id = cloud.id AND job.kind IN <kinds>)
                     END AS polled_at
              FROM cloud LEFT JOIN <tenants by cloud> AS tenants ON tenants.cloud_id = cloud.id)
    """
    tenants = _tenants(everything=everything)
    clouds = cloud.outerjoin(tenants, tenants.c.cloud_id == cloud.c.id)
    polled_at = case((discovered(), _all_polled(kinds))).label("polled_at")
    rows = select(tenants.c.tenants, cloud.c.id, polled_at).select_from(clouds)
    if not everything:
        rows = rows.where(or_(tenants.c.cloud_id.is_not(None), granted_cloud()))
    row = rows.subquery("row").c
    figures = (
        whole_sum(row.tenants),
        whole_sum(case((row.polled_at.is_not(None), row.tenants))),
        func.count(row.id),
        func.count(row.polled_at),
        func.min(row.polled_at),
    )
    return Prepared(select(*figures))


def of_polls(db: Database, scope: Scope, *kinds: str) -> Coverage:
    """Return of how many visible tenants and clouds polls of all these kinds ever succeeded."""
    row = _polls(kinds, everything=scope.everything).row(db, variables(scope))
    tenants, tenants_known, clouds, clouds_known, oldest = row
    return Coverage(tenants, tenants_known, clouds, clouds_known, oldest)


quotas_known = and_(quota.c.compute_at.is_not(None), quota.c.volume_at.is_not(None))
"""Whether the quotas of a tenant were read of all services, be they old."""


def quota_tenants() -> list[ColumnElement[Any]]:
    """Return, as sums over tenants with their quotas, how many there are, known, and how old."""
    compute, volume = quota.c.compute_at, quota.c.volume_at
    older = case((or_(volume.is_(None), compute < volume), compute), else_=volume)
    return [func.count(tenant.c.id), func.count().filter(quotas_known), func.min(older)]


def quota_clouds(*, everything: bool, filtered: bool) -> list[ColumnElement[Any]]:
    """Return, as sums over tenants with their quotas, how many clouds they are in, and known.

    Where everything is summed these are all clouds. Clouds of a role that were never read are
    among those of whoever narrows nothing down.
    """
    if everything and not filtered:
        return [_number_of_clouds(), _number_of_clouds(polled("quotas"), discovered())]
    clouds: ColumnElement[int] = func.count(distinct(tenant.c.cloud_id))
    if not filtered:
        clouds += _number_of_clouds(granted_cloud(), ~discovered())
    return [clouds, func.count(distinct(case((quotas_known, tenant.c.cloud_id))))]


def of_quotas(row: Sequence[Any]) -> Coverage:
    """Return the coverage in a row of ``quota_tenants`` and ``quota_clouds``."""
    tenants, tenants_known, oldest, clouds, clouds_known = row
    return Coverage(tenants, tenants_known, clouds, clouds_known, oldest)


def _number_of_clouds(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
    return select(func.count()).select_from(cloud).where(*conditions).scalar_subquery()


@cache
def _read(kind: str) -> Prepared:
    clouds = one_of(cloud.c.id, "clouds")
    return Prepared(select(cloud.c.id).where(clouds, polled(kind), discovered()))


def read_clouds(db: Database, clouds: Iterable[int], kind: str) -> set[int]:
    """Return of which of these clouds (row ids) a kind of poll succeeded, and projects were read.

    Polls that find no project to ask about succeed as well.
    """
    return {row[0] for row in _read(kind).rows(db, {"clouds": [*clouds]})}


@cache
def _listed_clouds(*, everything: bool) -> Prepared:
    rows = select(cloud.c.id, discovered())
    return Prepared(rows if everything else rows.where(granted_cloud()))


def listed_clouds(db: Database, scope: Scope) -> dict[int, bool]:
    """Return the clouds (row ids) that count for a caller even without a tenant in them.

    And whether the projects of each were ever read.
    """
    if not (scope.everything or scope.clouds):
        return {}
    rows = _listed_clouds(everything=scope.everything).rows(db, variables(scope))
    return {row[0]: bool(row[1]) for row in rows}
