"""Customer: how many projects, groups and instances there are by customer."""

from functools import cache
from typing import Any

from sqlalchemy import Connection, and_, distinct, func, or_, select

from openstats.model import CustomerCounts, Scope, Selection
from openstats.storage.access.visibility import (
    counts,
    group,
    object_name,
    objects,
    owning,
    project,
    tenant,
    variables,
    visible_project,
    visible_tenant,
    whole_sum,
)
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
        .where(visible_project(everything))
        .where(or_(tenant.c.id.is_(None), and_(visible_tenant(everything), counts)))
        .group_by(project.c.customer_id)
        .subquery("sums")
    )


@cache
def _groups(everything: bool) -> Any:
    found = select(group.c.customer_id, func.count().label("project_groups"))
    if not everything:
        found = found.where(owning("project_group", visible_project(everything)))
    return (
        found.where(group.c.deleted_at.is_(None)).group_by(group.c.customer_id).subquery("groups")
    )


@cache
def _listing(everything: bool, filtered: bool, after: bool, limited: bool) -> Prepared:
    numbers, groups = _by_customer(everything), _groups(everything)
    chosen = objects(
        "customer", everything=everything, filtered=filtered, after=after, limited=limited
    )
    chosen = chosen.outerjoin(numbers, numbers.c.customer_id == customer.c.id)
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
    narrowed = bool(selection.uuids), marker is not None, limit is not None
    rows = _listing(scope.everything, *narrowed).rows(db, values)
    name = object_name("customer")
    return [CustomerCounts(name(row), *row[4:]) for row in rows]
