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
    Connection,
    Select,
    case,
    func,
    or_,
    select,
    union_all,
)

from openstats.model import ObjectName, Scope, Selection
from openstats.readings import Members
from openstats.storage.access.selection import object_name, object_query, prepared_objects
from openstats.storage.access.visibility import (
    counts,
    granted_customers,
    member,
    project_past_in_scope,
    tenant,
    variables,
)
from openstats.storage.dialects import constant, one_of
from openstats.storage.ownership import PROJECTS, TENANTS, Stay, stays
from openstats.storage.prepared import Prepared
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
    shown = project_past_in_scope(project_id)
    return (
        found.where(or_(shown, owner.in_(granted_customers())))
        if aggregate == "customer"
        else found.where(shown)
    )


def _once_own(found: Select[Any], project_id: Any, owner: Any) -> Select[Any]:
    """Narrow to the time with a customer of the caller's of projects that are not in the scope."""
    mine = project_id.is_not(None), owner.in_(granted_customers())
    return found.where(*mine, ~project_past_in_scope(project_id))


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
    query = object_query(scope, selection, limit=limit, marker=marker)
    values = variables(scope, selection) | {"limit": limit, "marker": marker}
    found = prepared_objects(query).rows(db, values)
    few = query.narrowed
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
