"""Selection: which visible customers, projects and groups a statistic covers, and which page.

``visibility`` decides what the caller may see.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, Table, bindparam, select, true, tuple_

from openstats.errors import ParameterError
from openstats.model import ObjectName, Past, Scope, Selection
from openstats.storage.access.visibility import OBJECTS, variables, visible_object
from openstats.storage.dialects import one_of
from openstats.storage.prepared import Prepared
from openstats.storage.schema import tables
from openstats.storage.store import Database

project, tenant, quota = tables.project, tables.tenant, tables.quota
group, member, customer = tables.project_group, tables.project_group_member, tables.customer


@dataclass(frozen=True, slots=True)
class ObjectQuery:
    """The key of a statement that selects objects; each key has one compiled statement.

    ``filtered``: only objects in the parameter ``uuids``. ``after``: only objects that follow the
    object ``marker`` in order of name and uuid. ``limited``: only the first ``limit``. ``past``:
    which deleted objects as well.
    """

    aggregate: str
    everything: bool
    filtered: bool = False
    after: bool = False
    limited: bool = False
    past: Past = Past.NONE

    @property
    def narrowed(self) -> bool:
        """Whether the query leaves out some visible objects."""
        return self.filtered or self.after or self.limited


def object_query(
    scope: Scope, selection: Selection, *, limit: int | None = None, marker: str | None = None
) -> ObjectQuery:
    """Return the query for one page of the selected objects that the caller sees."""
    return ObjectQuery(
        selection.aggregate,
        everything=scope.everything,
        filtered=bool(selection.uuids),
        after=marker is not None,
        limited=limit is not None,
        past=selection.past,
    )


def objects(query: ObjectQuery) -> Select[Any]:
    """Select id, uuid, name and the customer's uuid of visible objects, ordered by name, then uuid.

    The second page of some projects, for example::

        SELECT project.id, project.uuid, project.name, customer.uuid AS customer
        FROM project JOIN customer ON customer.id = project.customer_id
        WHERE <visible> AND project.uuid IN :uuids
        AND (project.name, project.uuid) > (SELECT name, uuid FROM project WHERE uuid = :marker)
        ORDER BY project.name, project.uuid LIMIT :limit
    """
    table = OBJECTS[query.aggregate]
    statement = _with_customer(table)
    visible = visible_object(query.aggregate, everything=query.everything, past=query.past)
    statement = statement.where(visible)
    if query.filtered:
        statement = statement.where(one_of(table.c.uuid, "uuids"))
    if query.after:
        marker = select(table.c.name, table.c.uuid).where(table.c.uuid == bindparam("marker"))
        statement = statement.where(tuple_(table.c.name, table.c.uuid) > marker.scalar_subquery())
    if query.limited:
        statement = statement.limit(bindparam("limit"))
    return statement.order_by(table.c.name, table.c.uuid)


def _with_customer(table: Table) -> Select[Any]:
    owner = customer.c.uuid.label("customer")
    columns = table.c.id, table.c.uuid, table.c.name, owner
    if table is customer:
        return select(*columns)
    return select(*columns).join(customer, customer.c.id == table.c.customer_id)


@cache
def prepared_objects(query: ObjectQuery) -> Prepared:
    """Return ``objects`` as a prepared statement."""
    return Prepared(objects(query))


def named(
    aggregate: str, rows: Iterable[Sequence[Any]]
) -> Iterator[tuple[int, ObjectName, list[Any]]]:
    """Yield the row id and the name of each object in rows of ``objects``, and its further columns.

    The name of a customer does not repeat the customer.
    """
    is_customer = aggregate == "customer"
    for row_id, uuid, name, owner, *figures in rows:
        yield row_id, ObjectName(uuid, name, None if is_customer else owner), figures


def check_marker(db: Database, scope: Scope, selection: Selection, marker: str) -> None:
    """Raise unless the object with this uuid is visible: its position would reveal its name.

    Raises:
        ParameterError: no visible object has this uuid.
    """
    narrowed = replace(selection, uuids=(marker,))
    # A uuid alone would also cover what was deleted, which the list does not.
    query = replace(object_query(scope, narrowed), past=selection.past)
    statement = prepared_objects(query)
    if not statement.rows(db, variables(scope, narrowed)):
        raise ParameterError(f"marker={marker}: must be the UUID of an entry of this list")


def follows(db: Database, scope: Scope, selection: Selection, marker: str) -> bool:
    """Return whether a visible selected object comes after the object with the uuid ``marker``."""
    statement = prepared_objects(object_query(scope, selection, limit=1, marker=marker))
    values = variables(scope, selection) | {"marker": marker, "limit": 1}
    return bool(statement.rows(db, values))


def selected(aggregate: str, *, filtered: bool) -> ColumnElement[bool]:
    """Return the condition that a project belongs to at least one of the selected objects."""
    if aggregate == "project_group":
        return project.c.id.in_(_grouped_projects(filtered=filtered))
    if not filtered:
        return true()
    if aggregate == "project":
        return one_of(project.c.uuid, "uuids")
    customers = select(customer.c.id).where(one_of(customer.c.uuid, "uuids"))
    return project.c.customer_id.in_(customers)


@cache
def _grouped_projects(*, filtered: bool) -> Select[Any]:
    """Select the projects that are in any group, or in one of the selected groups."""
    projects = select(member.c.project_id).join(group, group.c.id == member.c.project_group_id)
    projects = projects.where(group.c.deleted_at.is_(None))
    return projects.where(one_of(group.c.uuid, "uuids")) if filtered else projects


def from_projects() -> FromClause:
    """Return projects joined with their tenants, and these with their quotas."""
    return project.join(tenant, tenant.c.project_id == project.c.id).outerjoin(
        quota, quota.c.tenant_id == tenant.c.id
    )
