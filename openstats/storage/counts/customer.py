"""Customer: how many projects, groups and instances there are by customer."""

from functools import cache
from typing import Any

from sqlalchemy import Connection, and_, distinct, func, or_, select

from openstats.model import CustomerCounts, Scope, Selection
from openstats.storage.access.selection import ObjectQuery, object_name, object_query, objects
from openstats.storage.access.visibility import (
    counts,
    group,
    project,
    tenant,
    variables,
    visible_group,
    visible_project,
    visible_tenant,
)
from openstats.storage.dialects import whole_sum
from openstats.storage.prepared import Prepared
from openstats.storage.schema import tables

customer, instance = tables.customer, tables.instance

CUSTOMERS = Selection("customer")


@cache
def _by_customer(everything: bool) -> Any:
    """Count projects and instances by customer.

    A project counts with any tenant that does, and without any that exists: made by hand.
    """
    alive = and_(tenant.c.project_id == project.c.id, tenant.c.deleted_at.is_(None))
    servers = select(func.count()).where(instance.c.tenant_id == tenant.c.id).scalar_subquery()
    return (
        select(
            project.c.customer_id,
            func.count(distinct(project.c.id)).label("projects"),
            whole_sum(servers).label("instances"),
        )
        .select_from(project.outerjoin(tenant, alive))
        .where(visible_project(everything=everything))
        .where(or_(tenant.c.id.is_(None), and_(visible_tenant(everything=everything), counts)))
        .group_by(project.c.customer_id)
        .subquery("sums")
    )


@cache
def _groups(everything: bool) -> Any:
    found = select(group.c.customer_id, func.count().label("project_groups"))
    found = found.where(visible_group(everything=everything))
    return found.group_by(group.c.customer_id).subquery("groups")


@cache
def _listing(query: ObjectQuery) -> Prepared:
    numbers, groups = _by_customer(query.everything), _groups(query.everything)
    chosen = objects(query).outerjoin(numbers, numbers.c.customer_id == customer.c.id)
    chosen = chosen.outerjoin(groups, groups.c.customer_id == customer.c.id)
    columns = numbers.c.projects, groups.c.project_groups, numbers.c.instances
    figures = (func.coalesce(column, 0).label(column.name) for column in columns)
    return Prepared(chosen.add_columns(*figures))


def listing(
    db: Connection,
    scope: Scope,
    selection: Selection = CUSTOMERS,
    *,
    limit: int | None = None,
    marker: str | None = None,
) -> list[CustomerCounts]:
    """List the selected customers that are visible by name, then uuid, with their visible part.

    ``marker`` is the uuid of the last customer of the page before.
    """
    values = variables(scope, selection) | {"limit": limit, "marker": marker}
    query = object_query(scope, selection, limit=limit, marker=marker)
    rows = _listing(query).rows(db, values)
    name = object_name("customer")
    return [CustomerCounts(name(row), *row[4:]) for row in rows]
