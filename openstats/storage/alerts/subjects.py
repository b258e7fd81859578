"""Subjects: finds what an alert is on by uuid or row id, with its owners and groups.

``labels`` finds what the labels of a notification name.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, FromClause, Row, Select, Table, bindparam, select

from openstats.errors import ConflictError
from openstats.names import noun
from openstats.storage.alerts.histories import (
    Subject,
)
from openstats.storage.dialects import one_of
from openstats.storage.schema import tables
from openstats.storage.store import Database

cloud, tenant, instance = tables.cloud, tables.tenant, tables.instance
project, customer = tables.project, tables.customer
group, member = tables.project_group, tables.project_group_member

OWNERS_OF_TENANT = (
    project.c.customer_id,
    tenant.c.project_id,
    tenant.c.id.label("tenant_id"),
    tenant.c.cloud_id,
)
TENANT_WITH_PROJECT = tenant.outerjoin(project, project.c.id == tenant.c.project_id)


class ProjectOwner(NamedTuple):
    """The row ids of a project and its customer; None for none."""

    project_id: int | None
    customer_id: int | None


class SubjectTable(NamedTuple):
    """How to read subjects of one kind: their table, its join with owners' tables, the columns."""

    table: Table
    with_owners: FromClause
    columns: Sequence[ColumnElement[Any]]


SUBJECT_TABLES = {
    "customer": SubjectTable(customer, customer, [customer.c.id.label("customer_id")]),
    "project_group": SubjectTable(
        group, group, [group.c.customer_id, group.c.id.label("project_group_id")]
    ),
    "project": SubjectTable(
        project, project, [project.c.customer_id, project.c.id.label("project_id")]
    ),
    "tenant": SubjectTable(tenant, TENANT_WITH_PROJECT, OWNERS_OF_TENANT),
    "cloud": SubjectTable(cloud, cloud, [cloud.c.id.label("cloud_id")]),
    "instance": SubjectTable(
        instance,
        TENANT_WITH_PROJECT.join(instance, instance.c.tenant_id == tenant.c.id),
        [*OWNERS_OF_TENANT, instance.c.uuid.label("instance")],
    ),
}
"""By kind; the columns are named like the fields of Subject."""


def of_tenant_row(kind: str, row: Row[Any], instance_uuid: str | None = None) -> Subject:
    """Return the subject of a row with ``OWNERS_OF_TENANT``: a tenant or one of its instances."""
    return Subject(
        kind,
        customer_id=row.customer_id,
        project_id=row.project_id,
        tenant_id=row.tenant_id,
        cloud_id=row.cloud_id,
        instance=instance_uuid,
    )


def of_object(db: Database, kind: str, uuid: str) -> Subject:
    """Return the subject with this uuid, with its owners.

    Raises:
        ConflictError: the object does not exist or is deleted.
    """
    subject = find(db, kind, uuid, existing=True)
    if subject is None:
        raise ConflictError(f"scope: {noun(kind)} {uuid} not found")
    return subject


def find(db: Database, kind: str, uuid: str, *, existing: bool = False) -> Subject | None:
    """Return the subject with this uuid; None if there is none.

    For an instance::

        SELECT project.customer_id, tenant.project_id, tenant.id AS tenant_id, tenant.cloud_id,
               instance.uuid AS instance
        FROM tenant LEFT JOIN project … JOIN instance … WHERE instance.uuid = :uuid
    """
    table, with_owners, columns = SUBJECT_TABLES[kind]
    query = select(*columns).select_from(with_owners).where(table.c.uuid == bindparam("uuid"))
    if existing and "deleted_at" in table.c:
        query = query.where(table.c.deleted_at.is_(None))
    row = db.execute(query, {"uuid": uuid}).mappings().first()
    return None if row is None else Subject(kind, **row)


def of_rows(db: Database, kind: str, row_ids: Iterable[int]) -> dict[int, Subject]:
    """Return the subjects of tenants or clouds, with their owners, by row id."""
    if kind == "cloud":
        return {row_id: Subject("cloud", cloud_id=row_id) for row_id in row_ids}
    query: Select[Any] = select(*OWNERS_OF_TENANT).select_from(TENANT_WITH_PROJECT)
    query = query.where(one_of(tenant.c.id, "row_ids"))
    rows = db.execute(query, {"row_ids": sorted(set(row_ids))})
    return {row.tenant_id: of_tenant_row("tenant", row) for row in rows}


def with_groups(db: Database, subjects: Sequence[Subject]) -> list[Subject]:
    """Return subjects with their present groups; groups of a former customer are unknown."""
    groups = _groups_of_projects(db, {subject.project_id for subject in subjects})
    return [replace(subject, groups=_groups(subject, groups)) for subject in subjects]


def _groups_of_projects(
    db: Database, project_ids: Iterable[int | None]
) -> dict[ProjectOwner, list[int]]:
    """Return the groups of projects, by project and customer."""
    parameter = {"project_ids": sorted(filter(None, project_ids))}
    if not parameter["project_ids"]:
        return {}
    columns = member.c.project_id, group.c.customer_id, member.c.project_group_id
    memberships = select(*columns).join(group, group.c.id == member.c.project_group_id)
    memberships = memberships.where(one_of(member.c.project_id, "project_ids"))
    groups: dict[ProjectOwner, list[int]] = {}
    for project_id, customer_id, group_id in db.execute(memberships, parameter):
        groups.setdefault(ProjectOwner(project_id, customer_id), []).append(group_id)
    return groups


def _groups(subject: Subject, groups: Mapping[ProjectOwner, Sequence[int]]) -> tuple[int, ...]:
    if subject.project_group_id is not None:
        return (subject.project_group_id,)
    owner = ProjectOwner(subject.project_id, subject.customer_id)
    return tuple(sorted(groups.get(owner, ())))
