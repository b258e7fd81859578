"""Which tenants make up a customer, a project or a project group, for a caller.

Every statistic that sums over tenants begins here, so that scope, moves and deletions are
understood in one place.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    Table,
    and_,
    bindparam,
    cast,
    exists,
    func,
    or_,
    select,
    true,
    tuple_,
)

from openstats.model import ObjectName, Scope, Selection
from openstats.storage.dialects import constant, one_of
from openstats.storage.prepared import Prepared
from openstats.storage.schema import tables

OBJECTS: dict[str, Table] = {
    "customer": tables.customer,
    "project": tables.project,
    "project_group": tables.project_group,
}

project, tenant, quota = tables.project, tables.tenant, tables.quota
group, member = tables.project_group, tables.project_group_member

held = quota.alias("held")
holds_resources = exists().where(
    held.c.tenant_id == tenant.c.id,
    or_(held.c.max_instances_in_use > constant(0), held.c.storage_in_use > constant(0)),
)

counts: ColumnElement[bool] = and_(
    tenant.c.deleted_at.is_(None), or_(tenant.c.enabled, holds_resources)
)
"""Whether a tenant counts: it exists, and a disabled one only while it holds something.

Only for disabled ones is what they hold looked up.
"""


SCOPES = ("projects", "tenants", "customers", "groups", "clouds")


def whole_sum(value: ColumnElement[Any]) -> ColumnElement[int]:
    """Sum whole numbers: PostgreSQL's sum of bigint is numeric, which would come as Decimal."""
    return cast(func.coalesce(func.sum(value), 0), BigInteger)


def variables(scope: Scope, selection: Selection | None = None) -> dict[str, Any]:
    """Give the values of the bind parameters in statements made by this module."""
    values: dict[str, Any] = {}
    if not scope.everything:
        values |= {f"scope_{name}": [*(getattr(scope, name) or ())] for name in SCOPES}
    if selection and selection.uuids:
        values["uuids"] = [*selection.uuids]
    if selection and selection.since is not None:
        values["since"] = selection.since
    return values


def visible_project(everything: bool) -> ColumnElement[bool]:
    """Say that a project exists and that the caller may see it."""
    return and_(project.c.deleted_at.is_(None), in_scope(everything))


def in_scope(everything: bool) -> ColumnElement[bool]:
    """Say that the caller may see a project, or might have while it existed."""
    if everything:
        return true()
    single = tenant.alias("single")
    mine = select(single.c.project_id).where(one_of(single.c.uuid, "scope_tenants"))
    return or_(one_of(project.c.uuid, "scope_projects"), project.c.id.in_(mine))


def visible_tenant(everything: bool) -> ColumnElement[bool]:
    """Say that a tenant's project exists, and that the caller may see the tenant."""
    there = project.c.deleted_at.is_(None)
    return there if everything else and_(there, tenant_in_scope())


def tenant_in_scope() -> ColumnElement[bool]:
    """Return the condition that a tenant, or its project, is in the caller's scope."""
    return or_(one_of(project.c.uuid, "scope_projects"), one_of(tenant.c.uuid, "scope_tenants"))


@cache
def _grouped_projects(filtered: bool) -> Select[Any]:
    """Select the projects in any group, or in those asked for: each once."""
    found = select(member.c.project_id).join(group, group.c.id == member.c.project_group_id)
    found = found.where(group.c.deleted_at.is_(None))
    return found.where(one_of(group.c.uuid, "uuids")) if filtered else found


def selected(aggregate: str, filtered: bool) -> ColumnElement[bool]:
    """Say that a project belongs to what is asked about, through however many groups."""
    if aggregate == "project_group":
        return project.c.id.in_(_grouped_projects(filtered))
    if not filtered:
        return true()
    if aggregate == "project":
        return one_of(project.c.uuid, "uuids")
    customers = select(tables.customer.c.id).where(one_of(tables.customer.c.uuid, "uuids"))
    return project.c.customer_id.in_(customers)


def from_projects() -> FromClause:
    """Join projects with their tenants and those with their quotas."""
    return project.join(tenant, tenant.c.project_id == project.c.id).outerjoin(
        quota, quota.c.tenant_id == tenant.c.id
    )


def objects(
    aggregate: str,
    *,
    everything: bool,
    filtered: bool,
    after: bool = False,
    limited: bool = False,
    past: str = "none",
) -> Select[Any]:
    """Select uuid, name and customer's uuid of the visible objects, by name, then uuid.

    A customer or group is visible through any of its visible projects; to who sees everything,
    always. ``after`` takes only those behind the object ``marker``, ``limited`` only ``limit``;
    ``past`` is that of a Selection, or ``deleted``: also what was visible until it was deleted.
    """
    table = OBJECTS[aggregate]
    owner = table.c.uuid if aggregate == "customer" else tables.customer.c.uuid
    chosen = select(table.c.id, table.c.uuid, table.c.name, owner.label("customer"))
    if aggregate != "customer":
        chosen = chosen.join(tables.customer, tables.customer.c.id == table.c.customer_id)
    chosen = chosen.where(visible_object(aggregate, everything=everything, past=past))
    if filtered:
        chosen = chosen.where(one_of(table.c.uuid, "uuids"))
    if after:
        place = select(table.c.name, table.c.uuid).where(table.c.uuid == bindparam("marker"))
        chosen = chosen.where(tuple_(table.c.name, table.c.uuid) > place.scalar_subquery())
    if limited:
        chosen = chosen.limit(bindparam("limit"))
    return chosen.order_by(table.c.name, table.c.uuid)


def visible_object(aggregate: str, *, everything: bool, past: str) -> ColumnElement[bool]:
    """Return the condition that the caller sees an object, as ``objects`` does."""
    existing = _existing(OBJECTS[aggregate], past)
    return and_(existing, _shown(aggregate, everything, past))


@cache
def prepared_objects(aggregate: str, **narrowed: Any) -> Prepared:
    """Return ``objects`` as a prepared statement."""
    return Prepared(objects(aggregate, **narrowed))


def _existing(table: Table, past: str) -> ColumnElement[bool]:
    if past in ("all", "deleted"):
        return true()
    there: ColumnElement[bool] = table.c.deleted_at.is_(None)
    if past == "since":
        there = or_(there, and_(table.c.vanished, table.c.deleted_at > bindparam("since")))
    return there


def _shown(aggregate: str, everything: bool, past: str) -> ColumnElement[bool]:
    if everything:
        return true()
    if past == "deleted":
        deleted = OBJECTS[aggregate].c.deleted_at
        now, before = (_shown(aggregate, everything, of) for of in ("none", "since"))
        return or_(and_(deleted.is_(None), now), and_(deleted.is_not(None), before))
    seen = visible_project(everything)
    if past != "none":
        seen = or_(in_scope(everything), project.c.id.in_(_ever_in_clouds()))
    if aggregate == "project":
        return or_(seen, project.c.id.in_(_once_own())) if past == "all" else seen
    shown = owning(aggregate, seen)
    if aggregate == "customer" and past != "none":
        former = tables.former_customer.c
        once = select(former.customer_id).where(former.project_id.in_(_ever_in_clouds()))
        return or_(shown, tables.customer.c.id.in_(once))
    return shown


def own_clouds() -> Select[Any]:
    """Select the clouds (row ids) that the caller has a role on."""
    return select(tables.cloud.c.id).where(one_of(tables.cloud.c.uuid, "scope_clouds"))


def _ever_in_clouds() -> Any:
    """Select the projects that ever had a tenant in the caller's clouds."""
    former, here = tables.former_project, tenant.alias("here")
    now = select(here.c.project_id).where(here.c.cloud_id.in_(own_clouds()))
    before = select(former.c.project_id).join(here, here.c.id == former.c.tenant_id)
    return now.where(here.c.project_id.is_not(None)).union(
        before.where(here.c.cloud_id.in_(own_clouds()))
    )


def _once_own() -> Select[Any]:
    """Select the projects that once belonged to a customer of the caller's."""
    former, customer = tables.former_customer.c, tables.customer
    mine = select(customer.c.id).where(one_of(customer.c.uuid, "scope_customers"))
    return select(former.project_id).where(former.customer_id.in_(mine))


def owning(aggregate: str, seen: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that an object is the caller's own, or has a project that is ``seen``.

    Of an own customer all groups are one's own; of an own group, one knows whose it is.
    """
    customer = tables.customer
    if aggregate == "customer":
        mine = one_of(customer.c.uuid, "scope_customers")
        groups = select(group.c.customer_id).where(one_of(group.c.uuid, "scope_groups"))
        known = customer.c.id.in_(groups.where(group.c.deleted_at.is_(None)))
        return or_(mine, known, customer.c.id.in_(select(project.c.customer_id).where(seen)))
    owners = select(customer.c.id).where(one_of(customer.c.uuid, "scope_customers"))
    own = or_(one_of(group.c.uuid, "scope_groups"), group.c.customer_id.in_(owners))
    held = select(member.c.project_group_id).join(project, project.c.id == member.c.project_id)
    return or_(own, group.c.id.in_(held.where(seen)))


def object_name(aggregate: str) -> Callable[[Any], ObjectName]:
    """Give what makes the name of an object from a row of ``objects``."""
    if aggregate == "customer":
        return lambda row: ObjectName(row[1], row[2])
    return lambda row: ObjectName(*row[1:4])
