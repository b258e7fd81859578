"""Scopes: what grants, and a token's own project or domain, let a caller see."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
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

cloud, tenant, project, customer = tables.cloud, tables.tenant, tables.project, tables.customer
group, member, grant = tables.project_group, tables.project_group_member, tables.grant

NOTHING = Scope(projects=frozenset())


@dataclass(frozen=True, slots=True)
class Issuer:
    """The Keystone that issues tokens: the clouds that are its own, by name, or else by URL."""

    clouds: Collection[str] = ()
    urls: Collection[str] = ()


def granted(
    db: Connection,
    *,
    user_id: str | None = None,
    groups: Collection[str] = (),
    subject: str | None = None,
) -> Scope | None:
    """Give what is granted to a Keystone user, to groups, or to a portal's subject.

    None says that there is no grant at all.
    """
    who = {"user_id": user_id or None, "subject": subject or None, "group_ids": [*groups]}
    found = _collected(db, _granted(), who)
    return _scope(found) if found else None


@cache
def _granted() -> CompoundSelect[Any]:
    """Select the grants of somebody, and all that they are for, as (kind, uuid)."""
    # A parameter that is NULL equals nothing, as it should: nobody has the grants of others.
    mine = or_(
        grant.c.user_id == bindparam("user_id", type_=Text),
        grant.c.subject == bindparam("subject", type_=Text),
        one_of(grant.c.group_id, "group_ids"),
    )
    held = select(grant).where(mine).cte("held")
    of_group = member.c.project_group_id == held.c.project_group_id
    return union_all(
        _told("grants", held),
        _told("customers", customer).where(customer.c.id == held.c.customer_id),
        _told("projects", project).where(project.c.customer_id == held.c.customer_id),
        _told("groups", group).where(group.c.id == held.c.project_group_id),
        _told("projects", project).where(project.c.id == member.c.project_id, of_group),
        _told("projects", project).where(project.c.id == held.c.project_id),
        _told("clouds", cloud).where(cloud.c.id == held.c.cloud_id),
        _told("tenants", tenant).where(tenant.c.cloud_id == held.c.cloud_id),
    )


def _told(kind: str, table: Any) -> Select[Any]:
    return select(literal(kind, Text).label("kind"), table.c.uuid)


def _collected(db: Connection, statement: Any, values: dict[str, Any]) -> dict[str, set[str]]:
    found = defaultdict(set)
    for kind, uuid in db.execute(statement, values):
        found[kind].add(uuid)
    return found


def _scope(found: dict[str, set[str]]) -> Scope:
    return Scope(*(frozenset(found.get(kind, ())) for kind in SCOPES))


@cache
def _grants_to_groups() -> Any:
    return select(exists().where(grant.c.group_id.is_not(None)))


def grants_to_groups(db: Connection) -> bool:
    """Tell whether it matters in which groups a user is."""
    return bool(db.scalar(_grants_to_groups()))


def of_token_project(db: Connection, issuer: Issuer, keystone_id: str) -> Scope:
    """Give the tenants that a project of the tokens' Keystone is, on its own clouds only."""
    return _scope(_collected(db, _of_project(), _issued(issuer, keystone_id)))


def of_token_domain(db: Connection, issuer: Issuer, keystone_id: str) -> Scope:
    """Give the customer that was discovered from a domain of the tokens' Keystone."""
    return _scope(_collected(db, _of_domain(), _issued(issuer, keystone_id)))


def _issued(issuer: Issuer, keystone_id: str) -> dict[str, Any]:
    # Where clouds are named, it does not matter where they are found.
    urls = () if issuer.clouds else issuer.urls
    return {"keystone_id": keystone_id, "clouds": [*issuer.clouds], "urls": [*urls]}


@cache
def _of_project() -> Select[Any]:
    issued = tenant.c.tenant_id == bindparam("keystone_id"), tenant.c.cloud_id.in_(_own(cloud.c.id))
    return _told("tenants", tenant).where(*issued)


@cache
def _of_domain() -> CompoundSelect[Any]:
    issued = customer.c.keystone_id == bindparam("keystone_id")
    mine = select(customer.c.id).where(issued, customer.c.keystone.in_(_own(cloud.c.keystone)))
    return union_all(
        _told("customers", customer).where(customer.c.id.in_(mine)),
        _told("projects", project).where(project.c.customer_id.in_(mine)),
    )


def _own(column: ColumnElement[Any]) -> Select[Any]:
    """Select the clouds of the issuer."""
    known = select(cloud_url.c.cloud_id).where(one_of(cloud_url.c.url, "urls"))
    return select(column).where(or_(one_of(cloud.c.name, "clouds"), cloud.c.id.in_(known)))
