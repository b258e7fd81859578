"""Sums of tenants' limits and use: in total, by object or by cloud, with their coverage."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Subquery, func, select

from openstats.meters import QUOTA_NAMES, UNLIMITED
from openstats.model import (
    Coverage,
    ObjectName,
    QuotaSum,
    Scope,
    Selection,
)
from openstats.storage.access.selection import (
    ObjectQuery,
    from_projects,
    named,
    object_query,
    objects,
    selected,
)
from openstats.storage.access.visibility import (
    OBJECTS,
    member,
    project,
    quota,
    tenant,
    tenant_is_counted,
    variables,
    visible_tenant,
)
from openstats.storage.coverage import of_quotas, quota_clouds, quota_tenants
from openstats.storage.dialects import constant, one_of, whole_sum
from openstats.storage.prepared import Prepared
from openstats.storage.schema import tables
from openstats.storage.store import Database

customer = tables.customer

Sums = dict[str, QuotaSum]
"""Sums by the name of the meter in ``meters.QUOTAS``."""


def _sum_columns() -> list[ColumnElement[Any]]:
    """Return columns with three sums for each meter, in the order of ``QUOTA_NAMES``."""
    columns: list[ColumnElement[Any]] = []
    for name in QUOTA_NAMES:
        limit, in_use = quota.c[f"{name}_limit"], quota.c[f"{name}_in_use"]
        columns += [
            whole_sum(limit).label(f"{name}_limit"),
            func.count().filter(limit == UNLIMITED).label(f"{name}_unlimited"),
            whole_sum(in_use).label(f"{name}_in_use"),
        ]
    return columns


def _sums(figures: Iterable[int]) -> Sums:
    """Return the sums from the columns of ``_sum_columns``."""
    column = iter(figures)
    sums: Sums = {}
    for name in QUOTA_NAMES:
        limit, unlimited, in_use = next(column), next(column), next(column)
        # The limit of each unlimited quota is -1, which lowered the sum.
        sums[name] = QuotaSum(limit + unlimited, unlimited, in_use)
    return sums


@dataclass(frozen=True, slots=True)
class TotalQuery:
    """The key of a statement that sums over tenants; each key has one compiled statement.

    ``filtered``: only objects in the parameter ``uuids``. Without ``with_sums``, the statement
    selects the coverage only.
    """

    aggregate: str
    everything: bool
    filtered: bool
    with_sums: bool


@cache
def _total(query: TotalQuery) -> Prepared:
    """Select the coverage of the selected objects, and the sums over their tenants.

    ::

        SELECT <coverage>, sum(vcpu_limit), count(*) FILTER (WHERE vcpu_limit = -1),
               sum(vcpu_in_use), ...
        FROM project
        JOIN tenant ON tenant.project_id = project.id
        LEFT JOIN quota ON quota.tenant_id = tenant.id
        WHERE <visible> AND <selected> AND <tenant counts>
    """
    coverage_clouds = quota_clouds(everything=query.everything, filtered=query.filtered)
    columns = [*quota_tenants(), *coverage_clouds]
    if query.with_sums:
        columns += _sum_columns()
    conditions = (
        visible_tenant(everything=query.everything),
        selected(query.aggregate, filtered=query.filtered),
        tenant_is_counted,
    )
    return Prepared(select(*columns).select_from(from_projects()).where(*conditions))


def total(db: Database, scope: Scope, selection: Selection) -> tuple[Sums, Coverage]:
    """Return the sums over all tenants of the selected objects, and their coverage.

    A tenant counts once, even if it belongs to several selected groups.
    """
    quota_coverage, figures = of_quotas(_total_row(db, scope, selection, with_sums=True))
    return _sums(figures), quota_coverage


def coverage(db: Database, scope: Scope, selection: Selection) -> Coverage:
    """Return the coverage of the selected objects."""
    quota_coverage, _ = of_quotas(_total_row(db, scope, selection, with_sums=False))
    return quota_coverage


def _total_row(
    db: Database, scope: Scope, selection: Selection, *, with_sums: bool
) -> Sequence[Any]:
    query = TotalQuery(
        selection.aggregate,
        everything=scope.everything,
        filtered=bool(selection.uuids),
        with_sums=with_sums,
    )
    return _total(query).row(db, variables(scope, selection))


def _object_sums(aggregate: str, *, everything: bool) -> Subquery:
    """Return the sums by object as a subquery; it has no rows for objects without tenants."""
    tenants = from_projects()
    key = project.c.customer_id if aggregate == "customer" else project.c.id
    if aggregate == "project_group":
        tenants = tenants.join(member, member.c.project_id == project.c.id)
        key = member.c.project_group_id
    rows = select(key.label("object_id"), *_sum_columns()).select_from(tenants)
    rows = rows.where(visible_tenant(everything=everything), tenant_is_counted)
    return rows.group_by(key).subquery("sums")


@cache
def _objects_with_sums(query: ObjectQuery) -> Prepared:
    """Select visible objects with their sums; 0 for objects without tenants."""
    sums = _object_sums(query.aggregate, everything=query.everything)
    object_id = OBJECTS[query.aggregate].c.id
    rows = objects(query).outerjoin(sums, sums.c.object_id == object_id)
    for column in _sum_columns():
        figure = func.coalesce(sums.c[column.name], constant(0))
        rows = rows.add_columns(figure.label(column.name))
    return Prepared(rows)


def by_object(
    db: Database,
    scope: Scope,
    selection: Selection,
    *,
    limit: int | None = None,
    marker: str | None = None,
) -> list[tuple[ObjectName, Sums]]:
    """Return visible objects with their sums, ordered by name, then uuid.

    A tenant in two groups counts in both. ``marker`` is the uuid of the last object of the previous
    page.
    """
    query = object_query(scope, selection, limit=limit, marker=marker)
    values = variables(scope, selection) | {"limit": limit, "marker": marker}
    rows = _objects_with_sums(query).rows(db, values)
    return [(name, _sums(figures)) for _, name, figures in named(selection.aggregate, rows)]


def by_cloud(db: Database) -> dict[int, Sums]:
    """Return, by cloud (row id), the sums over the tenants that are linked to a project."""
    tenants = tenant.outerjoin(quota, quota.c.tenant_id == tenant.c.id)
    rows = select(tenant.c.cloud_id, *_sum_columns()).select_from(tenants)
    linked = rows.where(tenant.c.project_id.is_not(None), tenant_is_counted).group_by(
        tenant.c.cloud_id
    )
    return {cloud_id: _sums(figures) for cloud_id, *figures in db.execute(linked)}


@cache
def _clouds() -> Prepared:
    tenants = tenant.outerjoin(quota, quota.c.tenant_id == tenant.c.id)
    rows = select(*quota_tenants(), *_sum_columns()).select_from(tenants)
    linked = rows.where(tenant.c.project_id.is_not(None), tenant_is_counted)
    return Prepared(linked.where(one_of(tenant.c.cloud_id, "clouds")))


def total_of_clouds(db: Database, clouds: Iterable[int]) -> tuple[Sums, Coverage]:
    """Return the sums over the linked tenants of these clouds (row ids), and their coverage.

    The coverage has no numbers of clouds.
    """
    tenants, tenants_known, oldest, *figures = _clouds().row(db, {"clouds": [*clouds]})
    return _sums(figures), Coverage(tenants, tenants_known, oldest=oldest)
