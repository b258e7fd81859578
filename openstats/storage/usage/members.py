"""Members: which slots make up customers, groups and projects, and made them up before moves.

Tenants belong to projects, and projects to customers, for a while; groups are as of now.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import chain
from typing import Any

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    func,
    or_,
    select,
    union_all,
)

from openstats.model import ObjectName, Scope, Selection
from openstats.readings import Members
from openstats.storage.access.visibility import (
    counts,
    member,
    object_name,
    own_clouds,
    prepared_objects,
    project,
    tenant,
    variables,
)
from openstats.storage.dialects import constant, one_of
from openstats.storage.ownership import PROJECTS, TENANTS, Stay, stays
from openstats.storage.prepared import Prepared
from openstats.storage.schema import tables
from openstats.storage.schema.types import FOREVER

NO_SLOT = constant(0)
"""What a tenant has that was in no reading yet: the clock's slot, in which nothing is used."""


@cache
def _members(aggregate: str, everything: bool, few: bool) -> Prepared:
    """Select tenant, cloud, slot, whether it counts, and owner.

    And the two stretches in which the slot is the owner's.
    """
    parts = [
        (_seen(found, held.owner, owner, aggregate, everything), owner)
        for held in stays(TENANTS)
        for found, owner in _owners(held, aggregate)
    ]
    if aggregate == "project" and not everything:
        parts += [
            (_once_own(found, held.owner, owner), held.owner)
            for held in stays(TENANTS)
            for found, owner in _owners(held, "customer", shown=held.owner)
        ]
    chosen = [part.where(one_of(owner, "owners")) if few else part for part, owner in parts]
    return Prepared(union_all(*chosen))


def _owners(held: Stay, aggregate: str, shown: Any = None) -> Iterator[tuple[Select[Any], Any]]:
    """Select tenants of projects with what owns these, or ``shown``; tell the owner's column."""
    place = func.coalesce(tenant.c.slot, NO_SLOT)
    now = held.table is tenant
    counted = case((counts, constant(1)), else_=constant(0)) if now else constant(0)
    found = select(tenant.c.id, tenant.c.cloud_id, place, counted).select_from(tenant)
    if not now:
        found = found.join(held.table, held.owned == tenant.c.id)
    if aggregate == "customer":
        for owned in stays(PROJECTS):
            overlap = (owned.since < held.until) & (held.since < owned.until)
            joined = found.join(owned.table, (owned.owned == held.owner) & overlap)
            ends = held.since, held.until, owned.since, owned.until
            named = owned.owner if shown is None else shown
            yield joined.add_columns(named, *ends), owned.owner
        return
    owner = held.owner
    if aggregate == "project_group":
        found = found.join(member, member.c.project_id == held.owner)
        owner = member.c.project_group_id
    always = constant(0), constant(FOREVER)
    yield found.add_columns(owner, held.since, held.until, *always), owner


def _seen(
    found: Select[Any], project_id: Any, owner: Any, aggregate: str, everything: bool
) -> Select[Any]:
    """Narrow to what the caller sees.

    Of a single tenant that is its time with its project, of a cloud of one's own all time of its
    tenants, of a customer of one's own the time with it of projects that it has no more.
    """
    found = found.where(project_id.is_not(None))
    if everything:
        return found
    shown = _in_scope(project_id)
    return (
        found.where(or_(shown, owner.in_(_own())))
        if aggregate == "customer"
        else found.where(shown)
    )


def _in_scope(project_id: Any) -> ColumnElement[bool]:
    seen = project.alias("seen")
    projects = select(seen.c.id).where(one_of(seen.c.uuid, "scope_projects"))
    # NULL where a tenant belongs to no project any more, which is no reason not to be seen.
    now = func.coalesce(tenant.c.project_id, 0)
    single = and_(one_of(tenant.c.uuid, "scope_tenants"), project_id == now)
    return or_(project_id.in_(projects), single, tenant.c.cloud_id.in_(own_clouds()))


def _own() -> Select[Any]:
    customer = tables.customer
    return select(customer.c.id).where(one_of(customer.c.uuid, "scope_customers"))


def _once_own(found: Select[Any], project_id: Any, owner: Any) -> Select[Any]:
    """Narrow to the time with a customer of the caller's of projects that are not in the scope."""
    mine = project_id.is_not(None), owner.in_(_own())
    return found.where(*mine, ~_in_scope(project_id))


def of(
    db: Connection,
    scope: Scope,
    selection: Selection,
    *,
    limit: int | None = None,
    marker: str | None = None,
) -> Members:
    """Return the selected objects that are visible, by name, then uuid, and what they consist of.

    Those that vanished are among them, as far back as the selection goes.
    ``marker`` is the uuid of the last object of the page before.
    """
    if selection.since is None:
        selection = replace(selection, since=0)
    asked = {
        "filtered": bool(selection.uuids),
        "after": marker is not None,
        "limited": limit is not None,
    }
    kind = {"everything": scope.everything, "past": selection.past}
    chosen = prepared_objects(selection.aggregate, **kind, **asked)
    values = variables(scope, selection) | {"limit": limit, "marker": marker}
    found = chosen.rows(db, values)
    few = any(asked.values())
    statement = _members(selection.aggregate, scope.everything, few)
    ids = [row[0] for row in found]
    rows = statement.rows(db, variables(scope) | ({"owners": ids} if few else {}))
    name = object_name(selection.aggregate)
    return _columns([name(row) for row in found], ids, rows)


def _columns(names: Sequence[ObjectName], ids: Sequence[int], rows: Sequence[Any]) -> Members:
    """Turn rows of ``_members`` into columns; those of owners that were not chosen fall out."""
    table = np.fromiter(chain.from_iterable(rows), np.int64, 9 * len(rows)).reshape(-1, 9)
    order = np.argsort(np.array(ids, np.int64))
    known = np.append(np.array(ids, np.int64)[order], FOREVER)
    places = np.searchsorted(known, table[:, 4])
    chosen = known[places] == table[:, 4]
    owners, table = order[places[chosen]], table[chosen]
    sorting = np.lexsort((owners, table[:, 1]))
    tenants, clouds, slots, counted, _, held, let, owned, gone = table[sorting].T
    since, until = np.maximum(held, owned), np.minimum(let, gone)
    return Members(names, tenants, clouds, slots, owners[sorting], since, until, counted)
