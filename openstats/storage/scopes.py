"""Scopes: what grants, and a token's own project or domain, let a caller see."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, exists, select
from sqlalchemy import or_ as any_of

from openstats.model import Scope
from openstats.storage import schema

cloud, tenant, project, customer = schema.cloud, schema.tenant, schema.project, schema.customer
group, member, grant = schema.project_group, schema.project_group_member, schema.grant

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
    # Not by equality: a grantee who is nobody would equal what is NULL.
    mine = (
        grant.c.user_id.in_([user_id] if user_id else []),
        grant.c.group_id.in_(groups),
        grant.c.subject.in_([subject] if subject else []),
    )
    rows = db.execute(select(grant).where(any_of(*mine))).all()
    return reduce(or_, _granted(db, rows)) if rows else None


def _granted(db: Connection, rows: Collection[Any]) -> Iterable[Scope]:
    ids = {
        table: {row[f"{table.name}_id"] for row in map(_mapping, rows)} - {None}
        for table in (customer, group, project, cloud)
    }
    yield _of_customers(db, customer.c.id.in_(ids[customer]))
    held = select(member.c.project_id).where(member.c.project_group_id.in_(ids[group]))
    yield Scope(
        projects=_uuids(db, project, project.c.id.in_(ids[project]) | project.c.id.in_(held)),
        groups=_uuids(db, group, group.c.id.in_(ids[group])),
        tenants=_uuids(db, tenant, tenant.c.cloud_id.in_(ids[cloud])),
    )


def _mapping(row: Any) -> Any:
    return row._mapping


def grants_to_groups(db: Connection) -> bool:
    """Tell whether it matters in which groups a user is."""
    return bool(db.scalar(select(exists().where(grant.c.group_id.is_not(None)))))


def of_token_project(db: Connection, issuer: Issuer, keystone_id: str) -> Scope:
    """Give the tenants that a project of the tokens' Keystone is, on its own clouds only."""
    mine = tenant.c.tenant_id == keystone_id, tenant.c.cloud_id.in_(_clouds(issuer, cloud.c.id))
    return Scope(projects=frozenset(), tenants=_uuids(db, tenant, *mine))


def of_token_domain(db: Connection, issuer: Issuer, keystone_id: str) -> Scope:
    """Give the customer that was discovered from a domain of the tokens' Keystone."""
    own = _clouds(issuer, cloud.c.keystone)
    return _of_customers(db, customer.c.keystone_id == keystone_id, customer.c.keystone.in_(own))


def _clouds(issuer: Issuer, column: ColumnElement[Any]) -> Any:
    if issuer.clouds:
        return select(column).where(cloud.c.name.in_(issuer.clouds))
    known = select(schema.cloud_url.c.cloud_id).where(schema.cloud_url.c.url.in_(issuer.urls))
    return select(column).where(cloud.c.id.in_(known))


def _of_customers(db: Connection, *which: ColumnElement[bool]) -> Scope:
    mine = project.c.customer_id.in_(select(customer.c.id).where(*which))
    return Scope(projects=_uuids(db, project, mine), customers=_uuids(db, customer, *which))


def _uuids(db: Connection, table: Table, *which: ColumnElement[bool]) -> frozenset[str]:
    return frozenset(db.scalars(select(table.c.uuid).where(*which)))
