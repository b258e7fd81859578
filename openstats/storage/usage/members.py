"""Members: the slots that make up customers, groups and projects, each for a period.

Tenants belong to projects, and projects to customers, for periods that moves end. The members of
groups are the present ones.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Select, case, func, or_, select, union_all

from openstats.model import ObjectName, Scope, Selection
from openstats.readings import Members
from openstats.storage.access.selection import named, object_query, prepared_objects
from openstats.storage.access.visibility import (
    granted_customers,
    member,
    project_past_in_scope,
    tenant,
    tenant_is_counted,
    variables,
)
from openstats.storage.dialects import constant, one_of
from openstats.storage.ownership import PROJECTS, TENANTS, OwnerPeriods, owner_periods
from openstats.storage.prepared import Prepared
from openstats.storage.schema.types import FOREVER
from openstats.storage.store import Database

NO_SLOT = constant(0)
"""The slot of a tenant that has had no reading: slot 0 is the clock's, in which no use is
recorded."""

ALWAYS = constant(0), constant(FOREVER)

COLUMNS = (
    "tenant",
    "cloud",
    "slot",
    "counts",
    "owner",
    "project_since",
    "project_until",
    "customer_since",
    "customer_until",
)
"""The columns of ``_members``."""


@dataclass(frozen=True)
class MemberQuery:
    """The key of a statement that selects members; each key has one compiled statement.

    ``narrowed``: only members of the objects in the parameter ``owners`` (row ids).
    """

    aggregate: str
    everything: bool
    narrowed: bool


@cache
def _members(query: MemberQuery) -> Prepared:
    """Select the members of all objects, including former ones.

    A row is a tenant for the time it was in a project (first period) while that project belonged to
    a customer (second period). For customers, these are four SELECTs, because each of both periods
    either lasts (in ``tenant`` and ``project``) or is over (in ``former_project`` and
    ``former_customer``). The SELECT of tenants that moved, in projects that did not::

        SELECT tenant.id, tenant.cloud_id, coalesce(tenant.slot, 0), 0 AS counts,
               project.customer_id AS owner,
               former_project.since, former_project.until, project.customer_since, <forever>
        FROM tenant
        JOIN former_project ON former_project.tenant_id = tenant.id
        JOIN project ON project.id = former_project.project_id
            AND project.customer_since < former_project.until AND <forever> > ...
        WHERE former_project.project_id IS NOT NULL AND <visible>

    For projects and groups, the second period is unlimited, so that two SELECTs are enough; for
    groups, ``project_group_member`` is joined.
    """
    selects = []
    for rows, owner in _selects(query):
        selects.append(rows.where(one_of(owner, "owners")) if query.narrowed else rows)
    return Prepared(union_all(*selects))


def _selects(query: MemberQuery) -> Iterator[tuple[Select[Any], ColumnElement[Any]]]:
    """Yield the SELECTs of ``_members``, each with the column of the owner's row id."""
    for tenant_periods in owner_periods(TENANTS):
        if query.aggregate == "customer":
            for project_periods in owner_periods(PROJECTS):
                rows = _of_customers(tenant_periods, project_periods, everything=query.everything)
                yield rows, project_periods.owner_id
        elif query.aggregate == "project_group":
            yield _of_groups(tenant_periods, everything=query.everything), member.c.project_group_id
        else:
            yield _of_projects(tenant_periods, everything=query.everything), tenant_periods.owner_id
            if not query.everything:
                for project_periods in owner_periods(PROJECTS):
                    yield (
                        _of_former_projects(tenant_periods, project_periods),
                        tenant_periods.owner_id,
                    )


def _tenants(tenant_periods: OwnerPeriods) -> Select[Any]:
    """Select tenants of projects: row id, cloud, slot, and 1 if the tenant counts now."""
    slot = func.coalesce(tenant.c.slot, NO_SLOT)
    if tenant_periods.table is tenant:
        counting = case((tenant_is_counted, constant(1)), else_=constant(0))
        rows = select(tenant.c.id, tenant.c.cloud_id, slot, counting).select_from(tenant)
    else:
        rows = select(tenant.c.id, tenant.c.cloud_id, slot, constant(0)).select_from(tenant)
        rows = rows.join(tenant_periods.table, tenant_periods.row_id == tenant.c.id)
    return rows.where(tenant_periods.owner_id.is_not(None))


def _of_projects(tenant_periods: OwnerPeriods, *, everything: bool) -> Select[Any]:
    """Select the members of projects that the caller sees."""
    owner = tenant_periods.owner_id
    rows = _tenants(tenant_periods).add_columns(
        owner, tenant_periods.since, tenant_periods.until, *ALWAYS
    )
    return rows if everything else rows.where(project_past_in_scope(owner))


def _of_groups(tenant_periods: OwnerPeriods, *, everything: bool) -> Select[Any]:
    """Select the members of project groups, from projects that the caller sees."""
    project_id, owner = tenant_periods.owner_id, member.c.project_group_id
    rows = _tenants(tenant_periods).join(member, member.c.project_id == project_id)
    rows = rows.add_columns(owner, tenant_periods.since, tenant_periods.until, *ALWAYS)
    return rows if everything else rows.where(project_past_in_scope(project_id))


def _with_customers(
    tenant_periods: OwnerPeriods, project_periods: OwnerPeriods, owner: ColumnElement[Any]
) -> Select[Any]:
    """Select tenants of projects of customers, where both periods overlap."""
    overlap = (project_periods.since < tenant_periods.until) & (
        tenant_periods.since < project_periods.until
    )
    on_clause = (project_periods.row_id == tenant_periods.owner_id) & overlap
    return (
        _tenants(tenant_periods)
        .join(project_periods.table, on_clause)
        .add_columns(
            owner,
            tenant_periods.since,
            tenant_periods.until,
            project_periods.since,
            project_periods.until,
        )
    )


def _of_customers(
    tenant_periods: OwnerPeriods, project_periods: OwnerPeriods, *, everything: bool
) -> Select[Any]:
    """Select the members of customers, from projects or for customers that the caller sees."""
    rows = _with_customers(tenant_periods, project_periods, project_periods.owner_id)
    if everything:
        return rows
    granted = project_periods.owner_id.in_(granted_customers())
    return rows.where(or_(project_past_in_scope(tenant_periods.owner_id), granted))


def _of_former_projects(tenant_periods: OwnerPeriods, project_periods: OwnerPeriods) -> Select[Any]:
    """Select members of projects outside the scope, for the time of a customer of the caller."""
    rows = _with_customers(tenant_periods, project_periods, tenant_periods.owner_id)
    granted = project_periods.owner_id.in_(granted_customers())
    return rows.where(granted, ~project_past_in_scope(tenant_periods.owner_id))


def read(
    db: Database,
    scope: Scope,
    selection: Selection,
    *,
    limit: int | None = None,
    marker: str | None = None,
) -> Members:
    """Return the visible selected objects, ordered by name, then uuid, with their members.

    Vanished objects are included, as far back as the selection reaches. ``marker`` is the uuid of
    the last object of the previous page.
    """
    if selection.since is None:
        selection = replace(selection, since=0)
    query = object_query(scope, selection, limit=limit, marker=marker)
    parameters = variables(scope, selection) | {"limit": limit, "marker": marker}
    objects = prepared_objects(query).rows(db, parameters)
    names_by_id = {row_id: name for row_id, name, _ in named(selection.aggregate, objects)}
    ids, names = list(names_by_id), list(names_by_id.values())
    statement = _members(MemberQuery(selection.aggregate, scope.everything, query.narrowed))
    owners = {"owners": ids} if query.narrowed else {}
    rows = statement.rows(db, variables(scope) | owners)
    return _arrays(names, ids, rows)


def _arrays(
    names: Sequence[ObjectName], ids: Sequence[int], rows: Sequence[tuple[int, ...]]
) -> Members:
    """Return rows of ``_members`` as arrays, ordered by cloud, then owner.

    Owners become indices into ``names``; rows of objects that are not selected are dropped. A slot
    belongs to its owner in the intersection of both periods.
    """
    width = len(COLUMNS)
    numbers = chain.from_iterable(rows)
    table = np.fromiter(numbers, np.int64, width * len(rows)).reshape(-1, width)
    owners, is_selected = _indices(ids, table[:, COLUMNS.index("owner")])
    table = table[is_selected]
    order = np.lexsort((owners, table[:, COLUMNS.index("cloud")]))
    columns = dict(zip(COLUMNS, table[order].T, strict=True))
    since = np.maximum(columns["project_since"], columns["customer_since"])
    until = np.minimum(columns["project_until"], columns["customer_until"])
    return Members(
        names,
        tenants=columns["tenant"],
        clouds=columns["cloud"],
        slots=columns["slot"],
        owners=owners[order],
        since=since,
        until=until,
        counted=columns["counts"],
    )


def _indices(
    ids: Sequence[int], owners: NDArray[np.int64]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the index in ``ids`` of each owner that is there, and the mask of these owners."""
    row_ids = np.array(ids, np.int64)
    order = np.argsort(row_ids)
    # A last element that no owner equals, so that each position is a valid index.
    ascending = np.append(row_ids[order], FOREVER)
    positions = np.searchsorted(ascending, owners)
    is_selected = ascending[positions] == owners
    return order[positions[is_selected]], is_selected
