"""Visibility: every clause that decides what a caller may see.

The scope of a caller becomes parameters of a statement (``variables``), so that all callers share
one compiled statement. Only callers who see everything (``everything``) have another one, without
these clauses. ``selection`` decides which of the visible objects a statistic covers.
"""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    Table,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
    true,
    tuple_,
)

from openstats.model import Past, Scope, Selection
from openstats.storage.dialects import constant, one_of
from openstats.storage.schema import tables
from openstats.storage.schema.alerts import alert

cloud, tenant, project, customer = tables.cloud, tables.tenant, tables.project, tables.customer
group, member, quota = tables.project_group, tables.project_group_member, tables.quota
former_project, former_customer = tables.former_project, tables.former_customer

OBJECTS: dict[str, Table] = {"customer": customer, "project": project, "project_group": group}

SCOPES = ("projects", "tenants", "customers", "groups", "clouds")
"""The parts of a scope. Each is a parameter with a list of uuids: ``scope_projects`` and so on."""

tenant_quota = quota.alias("tenant_quota")
holds_resources = exists().where(
    tenant_quota.c.tenant_id == tenant.c.id,
    or_(
        tenant_quota.c.max_instances_in_use > constant(0),
        tenant_quota.c.storage_in_use > constant(0),
    ),
)

tenant_is_counted: ColumnElement[bool] = and_(
    tenant.c.deleted_at.is_(None), or_(tenant.c.enabled, holds_resources)
)
"""The condition that a tenant counts: it exists, and it is enabled or holds resources.

Only for disabled tenants, the database looks up whether they hold resources.
"""


def variables(scope: Scope, selection: Selection | None = None) -> dict[str, object]:
    """Return the values of the parameters in clauses of this module and of ``selection``."""
    values: dict[str, object] = {}
    if not scope.everything:
        for name in SCOPES:
            values[f"scope_{name}"] = [*(getattr(scope, name) or ())]
    if selection and selection.uuids:
        values["uuids"] = [*selection.uuids]
    if selection and selection.since is not None:
        values["since"] = selection.since
    return values


def granted_customers() -> Select[Any]:
    """Select the customers (row ids) on which the caller has a role."""
    return select(customer.c.id).where(one_of(customer.c.uuid, "scope_customers"))


def granted_clouds() -> Select[Any]:
    """Select the clouds (row ids) on which the caller has a role."""
    return select(cloud.c.id).where(granted_cloud())


def granted_cloud() -> ColumnElement[bool]:
    """Return the condition that the caller has a role on a cloud."""
    return one_of(cloud.c.uuid, "scope_clouds")


def visible_tenant(*, everything: bool) -> ColumnElement[bool]:
    """Return the condition that a tenant's project exists and the caller may see the tenant."""
    exists_now = project.c.deleted_at.is_(None)
    return exists_now if everything else and_(exists_now, tenant_in_scope())


def tenant_in_scope() -> ColumnElement[bool]:
    """Return the condition that a tenant, or its project, is in the caller's scope."""
    return or_(one_of(project.c.uuid, "scope_projects"), one_of(tenant.c.uuid, "scope_tenants"))


def visible_project(*, everything: bool) -> ColumnElement[bool]:
    """Return the condition that a project exists and the caller may see it."""
    return and_(project.c.deleted_at.is_(None), project_in_scope(everything=everything))


def project_in_scope(*, everything: bool) -> ColumnElement[bool]:
    """Return the condition that the caller may see a project, whether or not it is deleted."""
    if everything:
        return true()
    scope_tenant = tenant.alias("scope_tenant")
    linked = select(scope_tenant.c.project_id).where(one_of(scope_tenant.c.uuid, "scope_tenants"))
    return or_(one_of(project.c.uuid, "scope_projects"), project.c.id.in_(linked))


def project_past_in_scope(project_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that the caller may see a tenant's time in a project (row id).

    A caller sees all time in projects of the scope, the time of tenants of the scope in their
    present project, and all time of tenants in clouds of the scope.
    """
    scope_project = project.alias("scope_project")
    projects = select(scope_project.c.id).where(one_of(scope_project.c.uuid, "scope_projects"))
    # NULL if the tenant belongs to no project any more. Its time in clouds of the scope is visible
    # nevertheless.
    present = func.coalesce(tenant.c.project_id, 0)
    with_present = and_(one_of(tenant.c.uuid, "scope_tenants"), project_id == present)
    return or_(project_id.in_(projects), with_present, tenant.c.cloud_id.in_(granted_clouds()))


def visible_group(*, everything: bool) -> ColumnElement[bool]:
    """Return the condition that a project group exists and the caller may see it."""
    exists_now = group.c.deleted_at.is_(None)
    if everything:
        return exists_now
    return and_(exists_now, _group_in_scope(visible_project(everything=False)))


def object_ever_in_scope(aggregate: str, *, everything: bool) -> ColumnElement[bool]:
    """Return the condition that the caller may see an object, whether or not it is deleted."""
    if everything:
        return true()
    in_scope = project_in_scope(everything=False)
    return in_scope if aggregate == "project" else _owner_in_scope(aggregate, in_scope)


def visible_object(aggregate: str, *, everything: bool, past: Past) -> ColumnElement[bool]:
    """Return the condition that the caller may see a customer, project or project group.

    A customer or group is visible if one of its projects is; a caller who sees everything sees all
    of them. ``past`` says which deleted objects are visible as well: with ``Past.SINCE`` those
    that vanished after the parameter ``since``, with ``Past.EVER`` also projects that once
    belonged to a customer of the caller.
    """
    existed = _existed(OBJECTS[aggregate], past)
    if everything:
        return existed
    if past is Past.NONE:
        return and_(existed, _visible_now(aggregate))
    if past is Past.UNTIL_DELETED:
        deleted_at = OBJECTS[aggregate].c.deleted_at
        present = and_(deleted_at.is_(None), _visible_now(aggregate))
        deleted = and_(deleted_at.is_not(None), _visible_ever(aggregate))
        return or_(present, deleted)
    visible = _visible_ever(aggregate)
    if past is Past.EVER and aggregate == "project":
        visible = or_(visible, project.c.id.in_(_former_projects()))
    return and_(existed, visible)


def _existed(table: Table, past: Past) -> ColumnElement[bool]:
    if past in (Past.EVER, Past.UNTIL_DELETED):
        return true()
    exists_now: ColumnElement[bool] = table.c.deleted_at.is_(None)
    if past is Past.NONE:
        return exists_now
    return or_(exists_now, and_(table.c.vanished, table.c.deleted_at > bindparam("since")))


def _visible_now(aggregate: str) -> ColumnElement[bool]:
    visible = visible_project(everything=False)
    return visible if aggregate == "project" else _owner_in_scope(aggregate, visible)


def _visible_ever(aggregate: str) -> ColumnElement[bool]:
    """Return the condition that an object is or was in the scope, or in a cloud of the caller."""
    in_clouds = _projects_ever_in_clouds()
    in_scope = or_(project_in_scope(everything=False), project.c.id.in_(in_clouds))
    if aggregate == "project":
        return in_scope
    owner_in_scope = _owner_in_scope(aggregate, in_scope)
    if aggregate == "project_group":
        return owner_in_scope
    former = former_customer.c
    former_owners = select(former.customer_id).where(former.project_id.in_(in_clouds))
    return or_(owner_in_scope, customer.c.id.in_(former_owners))


def _owner_in_scope(aggregate: str, project_condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that the caller may see a customer or group, or one of its projects."""
    if aggregate == "customer":
        return _customer_in_scope(project_condition)
    return _group_in_scope(project_condition)


def _customer_in_scope(project_condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that a customer, one of its groups or one of its projects is visible."""
    groups = select(group.c.customer_id).where(one_of(group.c.uuid, "scope_groups"))
    owns_group = customer.c.id.in_(groups.where(group.c.deleted_at.is_(None)))
    owns_project = customer.c.id.in_(select(project.c.customer_id).where(project_condition))
    return or_(one_of(customer.c.uuid, "scope_customers"), owns_group, owns_project)


def _group_in_scope(project_condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that a group, its customer or one of its projects is visible."""
    members = select(member.c.project_group_id).join(project, project.c.id == member.c.project_id)
    return or_(
        one_of(group.c.uuid, "scope_groups"),
        group.c.customer_id.in_(granted_customers()),
        group.c.id.in_(members.where(project_condition)),
    )


def _projects_ever_in_clouds() -> CompoundSelect[Any]:
    """Select the projects that have or had a tenant in the caller's clouds."""
    cloud_tenant = tenant.alias("cloud_tenant")
    in_clouds = cloud_tenant.c.cloud_id.in_(granted_clouds())
    projects = select(cloud_tenant.c.project_id).where(in_clouds)
    former = former_project.c
    before_moves = select(former.project_id).join(
        cloud_tenant, cloud_tenant.c.id == former.tenant_id
    )
    return projects.where(cloud_tenant.c.project_id.is_not(None)).union(
        before_moves.where(in_clouds)
    )


def _former_projects() -> Select[Any]:
    """Select the projects that once belonged to a customer of the caller."""
    former = former_customer.c
    return select(former.project_id).where(former.customer_id.in_(granted_customers()))


def visible_alert(*, everything: bool) -> ColumnElement[bool]:
    """Return the condition that the caller may see an alert.

    An alert is visible below a project or customer of the scope. An alert on a customer or group
    itself needs a role on that object. For a tenant of the scope, alerts of its time in the present
    project are visible; for a cloud of the scope, alerts of its tenants of all time.
    """
    if everything:
        return true()
    below = [
        alert.c.customer_id.in_(_scope_ids(customer, "scope_customers")),
        alert.c.project_id.in_(_scope_ids(project, "scope_projects")),
    ]
    in_group = alert.c.project_group_id.in_(_scope_ids(group, "scope_groups"))
    on_group = and_(alert.c.kind == "project_group", in_group)
    of_tenant = tuple_(alert.c.tenant_id, alert.c.project_id).in_(_scope_tenants())
    in_cloud = and_(alert.c.project_id.is_not(None), alert.c.tenant_id.in_(_cloud_tenants()))
    return or_(*below, on_group, of_tenant, in_cloud)


def _scope_ids(table: Table, parameter: str) -> Select[Any]:
    """Select the row ids of the uuids in a parameter: a CTE, looked up once for each statement."""
    return select(select(table.c.id).where(one_of(table.c.uuid, parameter)).cte(parameter))


def _scope_tenants() -> Select[Any]:
    """Select the tenants in the scope, each with its present project."""
    scope_tenant = tenant.alias("scope_tenant")
    linked = select(scope_tenant.c.id, scope_tenant.c.project_id)
    return select(linked.where(one_of(scope_tenant.c.uuid, "scope_tenants")).cte("scope_tenants"))


def _cloud_tenants() -> Select[Any]:
    cloud_tenant = tenant.alias("cloud_tenant")
    return select(cloud_tenant.c.id).where(cloud_tenant.c.cloud_id.in_(granted_clouds()))
