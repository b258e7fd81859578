"""Customer counts: the number of projects, project groups and instances by customer."""

from functools import cache

from sqlalchemy import Subquery, and_, distinct, func, or_, select

from openstats.model import CustomerCounts, Scope, Selection
from openstats.storage.access.selection import ObjectQuery, named, object_query, objects
from openstats.storage.access.visibility import (
    group,
    project,
    tenant,
    tenant_is_counted,
    variables,
    visible_group,
    visible_project,
    visible_tenant,
)
from openstats.storage.dialects import whole_sum
from openstats.storage.prepared import Prepared
from openstats.storage.schema import tables
from openstats.storage.store import Database

customer, instance = tables.customer, tables.instance

CUSTOMERS = Selection("customer")


def _by_customer(*, everything: bool) -> Subquery:
    """Select the number of projects and instances by customer, as a subquery.

    A project counts if one of its tenants counts, or if it has no tenants that exist, as when it
    was created by hand.
    """
    exists_now = and_(tenant.c.project_id == project.c.id, tenant.c.deleted_at.is_(None))
    without_tenant = tenant.c.id.is_(None)
    visible_counts = and_(visible_tenant(everything=everything), tenant_is_counted)
    servers = select(func.count()).where(instance.c.tenant_id == tenant.c.id).scalar_subquery()
    projects = func.count(distinct(project.c.id)).label("projects")
    columns = project.c.customer_id, projects, whole_sum(servers).label("instances")
    rows = select(*columns).select_from(project.outerjoin(tenant, exists_now))
    rows = rows.where(visible_project(everything=everything), or_(without_tenant, visible_counts))
    return rows.group_by(project.c.customer_id).subquery("sums")


def _groups(*, everything: bool) -> Subquery:
    """Select the number of project groups by customer, as a subquery."""
    rows = select(group.c.customer_id, func.count().label("project_groups"))
    rows = rows.where(visible_group(everything=everything))
    return rows.group_by(group.c.customer_id).subquery("groups")


@cache
def _listing(query: ObjectQuery) -> Prepared:
    """Select visible customers with their counts; 0 where they have nothing."""
    numbers = _by_customer(everything=query.everything)
    groups = _groups(everything=query.everything)
    rows = objects(query).outerjoin(numbers, numbers.c.customer_id == customer.c.id)
    rows = rows.outerjoin(groups, groups.c.customer_id == customer.c.id)
    for column in (numbers.c.projects, groups.c.project_groups, numbers.c.instances):
        rows = rows.add_columns(func.coalesce(column, 0).label(column.name))
    return Prepared(rows)


def listing(
    db: Database,
    scope: Scope,
    selection: Selection = CUSTOMERS,
    *,
    limit: int | None = None,
    marker: str | None = None,
) -> list[CustomerCounts]:
    """Return the selected visible customers by name, then uuid, with counts of what is visible.

    ``marker`` is the uuid of the last customer of the previous page.
    """
    values = variables(scope, selection) | {"limit": limit, "marker": marker}
    query = object_query(scope, selection, limit=limit, marker=marker)
    rows = _listing(query).rows(db, values)
    return [CustomerCounts(name, *counts) for _, name, counts in named("customer", rows)]
