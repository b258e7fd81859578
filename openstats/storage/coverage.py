"""Coverage: of how many tenants and clouds that a caller asks about the figures are known.

Every statistic counts the same: the tenants that count and are linked to a project, and the clouds
of these; for who sees everything and narrows nothing down all clouds. A cloud of which discovery
never read the projects is never known.
"""

from collections.abc import Collection, Iterable
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, case, exists, func, or_, select

from openstats.model import Coverage, Scope
from openstats.storage.access.visibility import (
    counts,
    granted_cloud,
    project,
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
    own = job.alias(kind)
    mine = own.c.cloud_id == cloud.c.id, own.c.kind == kind
    return exists().where(*mine, own.c.polled_at.is_not(None))


def discovered() -> ColumnElement[bool]:
    """Return the condition that the projects of a cloud were ever read."""
    own = tenant.alias("own")
    linked = exists().where(own.c.cloud_id == cloud.c.id, own.c.project_id.is_not(None))
    return or_(polled("discovery"), linked)


@cache
def _tenants(everything: bool) -> Any:
    """Count the linked tenants that count, by cloud."""
    found = select(tenant.c.cloud_id, func.count().label("tenants"))
    found = found.where(tenant.c.project_id.is_not(None), counts)
    if not everything:
        found = found.join(project, project.c.id == tenant.c.project_id)
        found = found.where(visible_tenant(everything=False))
    return found.group_by(tenant.c.cloud_id).subquery("tenants")


def _all_polled(kinds: Collection[str]) -> ColumnElement[Any]:
    """Return when polls of these kinds succeeded, the oldest of them; NULL where one never did."""
    oldest = case((func.count(job.c.polled_at) == len(kinds), func.min(job.c.polled_at)))
    mine = job.c.cloud_id == cloud.c.id, or_(*(job.c.kind == kind for kind in kinds))
    return select(oldest).where(*mine).scalar_subquery()


@cache
def _polls(everything: bool, kinds: tuple[str, ...]) -> Prepared:
    """Tell when clouds were polled; who does not see everything, sees clouds of tenants."""
    numbers = _tenants(everything)
    joined = cloud.outerjoin(numbers, numbers.c.cloud_id == cloud.c.id)
    known = case((discovered(), _all_polled(kinds)))
    rows = select(numbers.c.tenants, cloud.c.id, known.label("known")).select_from(joined)
    if not everything:
        rows = rows.where(or_(numbers.c.cloud_id.is_not(None), granted_cloud()))
    row = rows.subquery("row").c
    figures = (
        whole_sum(row.tenants),
        whole_sum(case((row.known.is_not(None), row.tenants))),
        func.count(row.id),
        func.count(row.known),
        func.min(row.known),
    )
    return Prepared(select(*figures))


def of_polls(db: Database, scope: Scope, *kinds: str) -> Coverage:
    """Return of how many visible tenants and clouds polls of all these kinds ever succeeded."""
    row = _polls(scope.everything, kinds).row(db, variables(scope))
    tenants, tenants_known, clouds, clouds_known, oldest = row
    return Coverage(tenants, tenants_known, clouds, clouds_known, oldest)


def all_clouds() -> Any:
    """Return how many clouds there are, as an expression."""
    return select(func.count()).select_from(cloud).scalar_subquery()


def all_known(kind: str) -> Any:
    """Return of how many clouds a kind of poll succeeded, as an expression."""
    known = select(func.count()).select_from(cloud).where(polled(kind), discovered())
    return known.scalar_subquery()


@cache
def _read(kind: str) -> Prepared:
    named = one_of(cloud.c.id, "clouds")
    return Prepared(select(cloud.c.id).where(named, polled(kind), discovered()))


def read_clouds(db: Database, clouds: Iterable[int], kind: str) -> set[int]:
    """Return of which of these clouds (row ids) a kind of poll succeeded, and projects were read.

    Polls that find no project to ask about succeed as well.
    """
    return {row[0] for row in _read(kind).rows(db, {"clouds": [*clouds]})}


def undiscovered() -> Any:
    """Return how many clouds the caller has a role on that were never read, as an expression."""
    unread = select(func.count()).select_from(cloud).where(granted_cloud(), ~discovered())
    return unread.scalar_subquery()


@cache
def _listed_clouds(everything: bool) -> Prepared:
    rows = select(cloud.c.id, discovered())
    return Prepared(rows if everything else rows.where(granted_cloud()))


def listed_clouds(db: Database, scope: Scope) -> dict[int, bool]:
    """Return the clouds (row ids) of which a caller is told even without a tenant in them.

    And whether the projects of each were ever read.
    """
    if not (scope.everything or scope.clouds):
        return {}
    rows = _listed_clouds(scope.everything).rows(db, variables(scope))
    return {row[0]: bool(row[1]) for row in rows}
