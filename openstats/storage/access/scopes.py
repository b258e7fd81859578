"""Scopes: what a caller may see because of grants, or of the project or domain of a token.

``visibility`` applies a scope to a statement.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Executable,
    FromClause,
    Select,
    Text,
    bindparam,
    exists,
    literal,
    or_,
    select,
    union_all,
)

from openstats.model import Scope
from openstats.storage.access.visibility import SCOPES
from openstats.storage.dialects import one_of
from openstats.storage.schema import tables
from openstats.storage.schema.clouds import cloud_url
from openstats.storage.store import Database

cloud, tenant, project, customer = tables.cloud, tables.tenant, tables.project, tables.customer
group, member, grant = tables.project_group, tables.project_group_member, tables.grant


@dataclass(frozen=True, slots=True)
class Issuer:
    """The Keystone that issues tokens: its own clouds by name, or else by URL."""

    clouds: Collection[str] = ()
    urls: Collection[str] = ()


def granted_scope(
    db: Database,
    *,
    user_id: str | None = None,
    groups: Collection[str] = (),
    subject: str | None = None,
) -> Scope | None:
    """Return what is granted to a Keystone user, to Keystone groups, or to a portal's subject.

    None: there are no grants at all.
    """
    grantees = {"user_id": user_id or None, "subject": subject or None, "group_ids": [*groups]}
    uuids = _uuids(db, _select_granted(), grantees)
    return _scope(uuids) if uuids else None


@cache
def _select_granted() -> CompoundSelect[Any]:
    """Select the grants of a caller and everything that they cover, as pairs (kind, uuid).

    ::

        WITH grants_of_caller AS (SELECT * FROM "grant"
            WHERE user_id = :user_id OR subject = :subject OR group_id IN :group_ids)
        SELECT 'grants', uuid FROM grants_of_caller
        UNION ALL SELECT 'customers', customer.uuid FROM customer, grants_of_caller
            WHERE customer.id = grants_of_caller.customer_id
        UNION ALL ... -- projects, groups and clouds of grants; then what belongs to these
    """
    # NULL equals nothing, so that a parameter of NULL matches no grant.
    is_grantee = or_(
        grant.c.user_id == bindparam("user_id", type_=Text),
        grant.c.subject == bindparam("subject", type_=Text),
        one_of(grant.c.group_id, "group_ids"),
    )
    grants = select(grant).where(is_grantee).cte("grants_of_caller")
    of_customers = [
        _select("customers", customer).where(customer.c.id == grants.c.customer_id),
        _select("projects", project).where(project.c.customer_id == grants.c.customer_id),
    ]
    in_group = member.c.project_group_id == grants.c.project_group_id
    of_groups = [
        _select("groups", group).where(group.c.id == grants.c.project_group_id),
        _select("projects", project).where(project.c.id == member.c.project_id, in_group),
    ]
    of_projects = _select("projects", project).where(project.c.id == grants.c.project_id)
    of_clouds = [
        _select("clouds", cloud).where(cloud.c.id == grants.c.cloud_id),
        _select("tenants", tenant).where(tenant.c.cloud_id == grants.c.cloud_id),
    ]
    return union_all(_select("grants", grants), *of_customers, *of_groups, of_projects, *of_clouds)


def _select(kind: str, table: FromClause) -> Select[Any]:
    return select(literal(kind, Text).label("kind"), table.c.uuid)


def _uuids(
    db: Database, statement: Executable, parameters: Mapping[str, object]
) -> dict[str, set[str]]:
    """Return the uuids that a statement selects, by kind."""
    uuids = defaultdict(set)
    for kind, uuid in db.execute(statement, parameters):
        uuids[kind].add(uuid)
    return uuids


def _scope(uuids: Mapping[str, set[str]]) -> Scope:
    return Scope(*(frozenset(uuids.get(kind, ())) for kind in SCOPES))


@cache
def _select_group_grants() -> Select[Any]:
    return select(exists().where(grant.c.group_id.is_not(None)))


def grants_to_groups(db: Database) -> bool:
    """Return whether any grant names a Keystone group: only then the groups of a user matter."""
    return bool(db.scalar(_select_group_grants()))


def token_project_scope(db: Database, issuer: Issuer, keystone_id: str) -> Scope:
    """Return the scope of a token for a Keystone project: its tenants on the issuer's clouds."""
    return _scope(_uuids(db, _select_token_project(), _token_parameters(issuer, keystone_id)))


def token_domain_scope(db: Database, issuer: Issuer, keystone_id: str) -> Scope:
    """Return the scope of a token for a Keystone domain: the customer discovered from it.

    It includes the projects of the customer.
    """
    return _scope(_uuids(db, _select_token_domain(), _token_parameters(issuer, keystone_id)))


def _token_parameters(issuer: Issuer, keystone_id: str) -> dict[str, object]:
    # If clouds are configured by name, URLs are not used.
    urls = () if issuer.clouds else issuer.urls
    return {"keystone_id": keystone_id, "clouds": [*issuer.clouds], "urls": [*urls]}


@cache
def _select_token_project() -> Select[Any]:
    return _select("tenants", tenant).where(
        tenant.c.keystone_id == bindparam("keystone_id"),
        tenant.c.cloud_id.in_(_select_issuer_clouds(cloud.c.id)),
    )


@cache
def _select_token_domain() -> CompoundSelect[Any]:
    customers = select(customer.c.id).where(
        customer.c.keystone_id == bindparam("keystone_id"),
        customer.c.keystone.in_(_select_issuer_clouds(cloud.c.keystone)),
    )
    return union_all(
        _select("customers", customer).where(customer.c.id.in_(customers)),
        _select("projects", project).where(project.c.customer_id.in_(customers)),
    )


def _select_issuer_clouds(column: ColumnElement[Any]) -> Select[Any]:
    """Select a column of the issuer's clouds."""
    by_url = select(cloud_url.c.cloud_id).where(one_of(cloud_url.c.url, "urls"))
    return select(column).where(or_(one_of(cloud.c.name, "clouds"), cloud.c.id.in_(by_url)))
