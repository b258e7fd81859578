"""Quota: limits and use of tenants, summed; and what the collector writes of them."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    distinct,
    func,
    or_,
    select,
    update,
)

from openstats.meters import QUOTA_NAMES, QUOTAS, SERVICES, UNLIMITED
from openstats.model import (
    Cloud,
    Coverage,
    ObjectName,
    Quota,
    QuotaSum,
    Scope,
    Selection,
    VolumeTypeQuota,
)
from openstats.storage import coverage as denominators
from openstats.storage.access.selection import (
    ObjectQuery,
    from_projects,
    object_name,
    object_query,
    objects,
    selected,
)
from openstats.storage.access.visibility import (
    OBJECTS,
    counts,
    member,
    project,
    quota,
    tenant,
    variables,
    visible_tenant,
)
from openstats.storage.dialects import constant, one_of, whole_sum
from openstats.storage.prepared import Prepared
from openstats.storage.schema import tables
from openstats.storage.volume_types import written

customer = tables.customer

Sums = dict[str, QuotaSum]


@cache
def _sums() -> list[ColumnElement[Any]]:
    columns: list[ColumnElement[Any]] = []
    for name in QUOTA_NAMES:
        limit, in_use = quota.c[f"{name}_limit"], quota.c[f"{name}_in_use"]
        columns += [
            whole_sum(limit).label(f"{name}_limit"),
            func.count().filter(limit == UNLIMITED).label(f"{name}_unlimited"),
            whole_sum(in_use).label(f"{name}_in_use"),
        ]
    return columns


def _sums_of(row: Any, first: int = 0) -> Sums:
    """Read the sums out of a row, whose columns from ``first`` on are those of ``_sums``."""
    sums: Sums = {}
    columns = iter(row[first : first + 3 * len(QUOTA_NAMES)])
    for name in QUOTA_NAMES:
        limit, unlimited, in_use = next(columns), next(columns), next(columns)
        # Each unlimited one has lowered the sum by one.
        sums[name] = QuotaSum(limit + unlimited, unlimited, in_use)
    return sums


known = and_(*(quota.c[f"{service}_at"].is_not(None) for service in SERVICES))


def _older() -> ColumnElement[Any]:
    compute, volume = (quota.c[f"{service}_at"] for service in SERVICES)
    return func.min(case((or_(volume.is_(None), compute < volume), compute), else_=volume))


def _coverage() -> list[ColumnElement[Any]]:
    return [func.count(tenant.c.id), func.count().filter(known), _older()]


@cache
def _clouds(everything: bool, filtered: bool) -> list[ColumnElement[Any]]:
    """Count the clouds asked about, and those that answered at least once."""
    if filtered or not everything:
        answered = case((known, tenant.c.cloud_id))
        clouds = func.count(distinct(tenant.c.cloud_id))
        if not (everything or filtered):
            clouds += denominators.undiscovered()
        return [clouds, func.count(distinct(answered))]
    return [denominators.all_clouds(), denominators.all_known("quotas")]


@cache
def _over(aggregate: str, everything: bool, filtered: bool, *, sums: bool) -> Prepared:
    columns = [*_coverage(), *_clouds(everything, filtered), *(_sums() if sums else [])]
    chosen = visible_tenant(everything=everything), selected(aggregate, filtered=filtered), counts
    return Prepared(select(*columns).select_from(from_projects()).where(*chosen))


def total(db: Connection, scope: Scope, selection: Selection) -> tuple[Sums, Coverage]:
    """Sum over all tenants of what is selected, each once, and say how much of it is known."""
    row = _one(db, scope, selection, sums=True)
    return _sums_of(row, first=5), _coverage_of(row)


def coverage(db: Connection, scope: Scope, selection: Selection) -> Coverage:
    """Say how much is known of what is selected."""
    return _coverage_of(_one(db, scope, selection, sums=False))


def _one(db: Connection, scope: Scope, selection: Selection, *, sums: bool) -> Any:
    filtered = bool(selection.uuids)
    statement = _over(selection.aggregate, scope.everything, filtered, sums=sums)
    return statement.row(db, variables(scope, selection))


def _coverage_of(row: Any) -> Coverage:
    tenants, tenants_known, oldest, clouds, clouds_known = row[:5]
    return Coverage(tenants, tenants_known, clouds, clouds_known, oldest)


@cache
def _by_object(aggregate: str, everything: bool) -> Any:
    """Sum by object, as a subquery; objects without tenants are not in it."""
    keys = {"customer": project.c.customer_id, "project": project.c.id}
    joined = from_projects()
    if aggregate == "project_group":
        joined = joined.join(member, member.c.project_id == project.c.id)
    key = keys.get(aggregate, member.c.project_group_id).label("object_id")
    return (
        select(key, *_sums())
        .select_from(joined)
        .where(visible_tenant(everything=everything), counts)
        .group_by(key)
        .subquery("sums")
    )


@cache
def _each(query: ObjectQuery) -> Prepared:
    sums = _by_object(query.aggregate, query.everything)
    figures = [func.coalesce(sums.c[c.name], constant(0)).label(c.name) for c in _sums()]
    key = OBJECTS[query.aggregate].c.id
    chosen = objects(query).outerjoin(sums, sums.c.object_id == key)
    return Prepared(chosen.add_columns(*figures))


def each(
    db: Connection,
    scope: Scope,
    selection: Selection,
    *,
    limit: int | None = None,
    marker: str | None = None,
) -> list[tuple[ObjectName, Sums]]:
    """Sum by visible object, by name, then uuid; a tenant in two groups counts in both.

    ``marker`` is the uuid of the last object of the page before.
    """
    query = object_query(scope, selection, limit=limit, marker=marker)
    values = variables(scope, selection) | {"limit": limit, "marker": marker}
    rows = _each(query).rows(db, values)
    name = object_name(selection.aggregate)
    return [(name(row), _sums_of(row, first=4)) for row in rows]


def by_cloud(db: Connection) -> dict[int, Sums]:
    """Sum by cloud over its tenants that are linked to a project."""
    joined = tenant.outerjoin(quota, quota.c.tenant_id == tenant.c.id)
    found = select(tenant.c.cloud_id, *_sums()).select_from(joined)
    linked = found.where(tenant.c.project_id.is_not(None), counts).group_by(tenant.c.cloud_id)
    return {row.cloud_id: _sums_of(row, first=1) for row in db.execute(linked)}


def of_cloud(db: Connection, cloud: Cloud) -> Iterator[tuple[int, str | None, dict[str, Quota]]]:
    """Give each tenant's row id, its customer's uuid and its quotas, where they are known."""
    owners = tenant.join(quota, quota.c.tenant_id == tenant.c.id)
    owners = owners.outerjoin(project, project.c.id == tenant.c.project_id)
    owners = owners.outerjoin(customer, customer.c.id == project.c.customer_id)
    chosen = select(quota, customer.c.uuid).select_from(owners)
    for row in db.execute(chosen.where(tenant.c.cloud_id == cloud.id, counts)):
        figures = {name: _figure(row, name) for name in QUOTA_NAMES}
        yield row.tenant_id, row.uuid, {n: held for n, held in figures.items() if held}


def _figure(row: Any, name: str) -> Quota | None:
    limit, in_use = getattr(row, f"{name}_limit"), getattr(row, f"{name}_in_use")
    return None if limit is None or in_use is None else Quota(limit, in_use)


@cache
def _of_clouds() -> Prepared:
    joined = tenant.outerjoin(quota, quota.c.tenant_id == tenant.c.id)
    linked = tenant.c.project_id.is_not(None), counts
    chosen = select(*_coverage(), *_sums()).select_from(joined).where(*linked)
    return Prepared(chosen.where(one_of(tenant.c.cloud_id, "clouds")))


def of_clouds(db: Connection, clouds: Iterable[int]) -> tuple[Sums, Coverage]:
    """Sum over the tenants of these clouds that are linked to a project."""
    tenants, tenants_known, oldest, *sums = _of_clouds().row(db, {"clouds": [*clouds]})
    return _sums_of(sums), Coverage(tenants, tenants_known, oldest=oldest)


def due(db: Connection, cloud: Cloud, now: int) -> list[tuple[int, str]]:
    """List the tenants (row id, Keystone id) whose quotas are to be read, longest due first."""
    statement = (
        select(tenant.c.id, tenant.c.tenant_id)
        .join(quota, quota.c.tenant_id == tenant.c.id)
        .where(tenant.c.cloud_id == cloud.id, quota.c.due_at <= now)
        .where(tenant.c.project_id.is_not(None), tenant.c.deleted_at.is_(None))
        .order_by(quota.c.due_at, tenant.c.id)
    )
    return [(row.id, row.tenant_id) for row in db.execute(statement)]


def make_due(db: Connection, tenants: Iterable[int], now: int) -> None:
    """Have the quotas of these tenants (row ids) read at the next occasion.

    Those that are due get a new date as well: it tells a reading under way that it came too soon.
    """
    rows = [{"tenant": tenant_id, "now": now} for tenant_id in sorted(set(tenants))]
    if rows:
        changed = update(quota).where(quota.c.tenant_id == bindparam("tenant"))
        db.execute(changed.values(due_at=bindparam("now")), rows)


def make_cloud_due(db: Connection, cloud: Cloud, now: int) -> None:
    """Have the quotas of all tenants of a cloud read at the next occasion."""
    mine = select(tenant.c.id).where(tenant.c.cloud_id == cloud.id)
    db.execute(update(quota).where(quota.c.tenant_id.in_(mine)).values(due_at=now))


def record(
    db: Connection,
    tenant_id: int,
    quotas: Mapping[str, Quota],
    *,
    now: int,
    due_at: int,
    error: str | None,
    asked_at: int | None = None,
    volume_types: Mapping[str, VolumeTypeQuota] | None = None,
) -> None:
    """Write what was read of a tenant; services that did not answer keep their last figures.

    What was made due after ``asked_at``, when the reading began, stays so: it may have come too
    soon for what changed.
    """
    values: dict[str, Any] = {"due_at": due_at, "error": error}
    if asked_at is not None:
        values["due_at"] = case((quota.c.due_at > asked_at, quota.c.due_at), else_=due_at)
    for meter in QUOTAS:
        if meter.name in quotas:
            values[f"{meter.service}_at"] = now
            values[f"{meter.name}_limit"] = quotas[meter.name].limit
            values[f"{meter.name}_in_use"] = quotas[meter.name].in_use
    if volume_types is not None:
        values["volume_types"] = written(volume_types)
    db.execute(update(quota).where(quota.c.tenant_id == tenant_id).values(values))
