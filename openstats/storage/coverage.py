"""Coverage: how many of the tenants and clouds behind a figure have data, and how old it is.

All statistics count the same set: tenants that count and are linked to a project, and the clouds of
these tenants. For a caller who sees everything and uses no filter, all clouds count. A cloud counts
as unknown until discovery has read its projects.
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
    granted_cloud,
    project,
    quota,
    tenant,
    tenant_is_counted,
    variables,
    visible_tenant,
)
from openstats.storage.dialects import one_of, whole_sum
from openstats.storage.prepared import Prepared
from openstats.storage.schema import tables
from openstats.storage.store import Database

cloud, job = tables.cloud, tables.job


def polled(kind: str) -> ColumnElement[bool]:
    """Return the condition that a poll of this kind has ever succeeded for a cloud."""
    poll = job.alias(kind)
    of_cloud = poll.c.cloud_id == cloud.c.id, poll.c.kind == kind
    return exists().where(*of_cloud, poll.c.polled_at.is_not(None))


def discovered() -> ColumnElement[bool]:
    """Return the condition that the projects of a cloud have ever been read."""
    cloud_tenant = tenant.alias("cloud_tenant")
    of_cloud = cloud_tenant.c.cloud_id == cloud.c.id
    linked = exists().where(of_cloud, cloud_tenant.c.project_id.is_not(None))
    return or_(polled("discovery"), linked)


def _tenants(*, everything: bool) -> Subquery:
    """Select the number of linked tenants that count, by cloud."""
    rows = select(tenant.c.cloud_id, func.count().label("tenants"))
    rows = rows.where(tenant.c.project_id.is_not(None), tenant_is_counted)
    if not everything:
        rows = rows.join(project, project.c.id == tenant.c.project_id)
        rows = rows.where(visible_tenant(everything=False))
    return rows.group_by(tenant.c.cloud_id).subquery("tenants")


def _all_polled(kinds: Collection[str]) -> ColumnElement[Any]:
    """Return when these kinds of polls last succeeded: the oldest time, NULL if one never did."""
    oldest = case((func.count(job.c.polled_at) == len(kinds), func.min(job.c.polled_at)))
    of_kinds = job.c.cloud_id == cloud.c.id, or_(*(job.c.kind == kind for kind in kinds))
    return select(oldest).where(*of_kinds).scalar_subquery()


@cache
def _polls(kinds: tuple[str, ...], *, everything: bool) -> Prepared:
    """Select the number of tenants and clouds, and for how many all kinds of polls succeeded.

    A caller who does not see everything sees the clouds of visible tenants, and the clouds on which
    they have a role::

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
    """Return for how many visible tenants and clouds all these kinds of polls have succeeded."""
    row = _polls(kinds, everything=scope.everything).row(db, variables(scope))
    tenants, tenants_known, clouds, clouds_known, oldest = row
    return Coverage(tenants, tenants_known, clouds, clouds_known, oldest)


quotas_known = and_(quota.c.compute_at.is_not(None), quota.c.volume_at.is_not(None))
"""The condition that the quotas of a tenant have been read from all services, at any time."""


def quota_tenants() -> list[ColumnElement[Any]]:
    """Return columns that count tenants and known quotas, and the time of the oldest quota.

    They are aggregates over tenants joined with their quotas. The time is in Unix seconds.
    """
    compute, volume = quota.c.compute_at, quota.c.volume_at
    older = case((or_(volume.is_(None), compute < volume), compute), else_=volume)
    return [func.count(tenant.c.id), func.count().filter(quotas_known), func.min(older)]


def quota_clouds(*, everything: bool, filtered: bool) -> list[ColumnElement[Any]]:
    """Return columns that count the clouds of tenants, and those with known quotas.

    They are aggregates over tenants joined with their quotas. Without a filter, a caller who sees
    everything gets the number of all clouds, and other callers also get the clouds on which they
    have a role and whose projects were never read.
    """
    if everything and not filtered:
        return [_number_of_clouds(), _number_of_clouds(polled("quotas"), discovered())]
    clouds: ColumnElement[int] = func.count(distinct(tenant.c.cloud_id))
    if not filtered:
        clouds += _number_of_clouds(granted_cloud(), ~discovered())
    return [clouds, func.count(distinct(case((quotas_known, tenant.c.cloud_id))))]


def of_quotas(row: Sequence[Any]) -> tuple[Coverage, list[Any]]:
    """Return the coverage that a row begins with, and its further columns.

    The row begins with the columns of ``quota_tenants`` and ``quota_clouds``.
    """
    tenants, tenants_known, oldest, clouds, clouds_known, *figures = row
    return Coverage(tenants, tenants_known, clouds, clouds_known, oldest), figures


def _number_of_clouds(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
    return select(func.count()).select_from(cloud).where(*conditions).scalar_subquery()


@cache
def _polled_clouds(kind: str) -> Prepared:
    clouds = one_of(cloud.c.id, "clouds")
    return Prepared(select(cloud.c.id).where(clouds, polled(kind), discovered()))


def polled_clouds(db: Database, clouds: Iterable[int], kind: str) -> set[int]:
    """Return which of these clouds (row ids) had a successful poll of this kind and a discovery.

    A poll also succeeds if it finds no project to ask about.
    """
    return {row_id for (row_id,) in _polled_clouds(kind).rows(db, {"clouds": [*clouds]})}


@cache
def _listed_clouds(*, everything: bool) -> Prepared:
    rows = select(cloud.c.id, discovered())
    return Prepared(rows if everything else rows.where(granted_cloud()))


def listed_clouds(db: Database, scope: Scope) -> dict[int, bool]:
    """Return the clouds (row ids) that count for a caller even if they have no tenant there.

    The values say whether the projects of the cloud have ever been read.
    """
    if not (scope.everything or scope.clouds):
        return {}
    rows = _listed_clouds(everything=scope.everything).rows(db, variables(scope))
    return {row_id: bool(is_discovered) for row_id, is_discovered in rows}
