"""Members: which slots make up customers, groups and projects, and made them up before moves.

Tenants belong to projects, and projects to customers, for a while; groups are as of now.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from sqlalchemy import (
    BigInteger,
    Connection,
    FromClause,
    Select,
    bindparam,
    func,
    literal,
    select,
    union_all,
)

from openstats.model import Members, ObjectName, Scope, Selection
from openstats.storage.membership import (
    member,
    object_name,
    objects,
    project,
    tenant,
    variables,
)
from openstats.storage.moves import PROJECTS, TENANTS, Owning

FOREVER = 2**53
"""Later than every time: how long what belongs to somebody now will."""

NO_SLOT = 0
"""What a tenant has that was in no reading yet: the clock's slot, in which nothing is used."""


@cache
def _stretches(kind: Owning) -> FromClause:
    """Select who owned what, and when: owned, owner, since, until."""
    forever = literal(FOREVER, BigInteger).label("until")
    now = select(kind.owned.c.id.label("owned"), kind.owner_id.label("owner"))
    now = now.add_columns(kind.since.label("since"), forever)
    owner = kind.former.c[kind.owner_id.name]
    before = select(kind.former_id, owner, kind.former.c.since, kind.former.c.until)
    return union_all(now.where(kind.owner_id.is_not(None)), before).subquery(kind.former.name)


@cache
def _members(aggregate: str, everything: bool, few: bool) -> Select[Any]:
    """Select cloud, slot, owner and the two stretches in which the slot is the owner's."""
    held = _stretches(TENANTS)
    place = func.coalesce(tenant.c.slot, NO_SLOT)
    found = select(tenant.c.cloud_id, place).join(held, held.c.owned == tenant.c.id)
    found, owner, owned = _owners(found, held, aggregate)
    found = found.add_columns(owner, held.c.since, held.c.until, *owned)
    if few:
        found = found.where(owner.in_(bindparam("owners", expanding=True)))
    if not everything:
        seen = project.c.uuid.in_(bindparam("scope_projects", expanding=True))
        found = found.where(held.c.owner.in_(select(project.c.id).where(seen)))
    return found


def _owners(found: Select[Any], held: FromClause, aggregate: str) -> tuple[Select[Any], Any, Any]:
    """Join what owns the projects; give the column of owners and those of their stretch."""
    always = literal(0, BigInteger), literal(FOREVER, BigInteger)
    if aggregate == "project":
        return found, held.c.owner, always
    if aggregate == "project_group":
        joined = found.join(member, member.c.project_id == held.c.owner)
        return joined, member.c.project_group_id, always
    owned = _stretches(PROJECTS)
    overlap = (owned.c.since < held.c.until) & (held.c.since < owned.c.until)
    joined = found.join(owned, (owned.c.owned == held.c.owner) & overlap)
    return joined, owned.c.owner, (owned.c.since, owned.c.until)


_objects = cache(objects)


def of(
    db: Connection,
    scope: Scope,
    selection: Selection,
    *,
    limit: int | None = None,
    marker: str | None = None,
) -> Members:
    """Give the selected objects that are visible, by name, then uuid, and what they consist of.

    ``marker`` is the uuid of the last object of the page before.
    """
    asked = {
        "filtered": bool(selection.uuids),
        "after": marker is not None,
        "limited": limit is not None,
    }
    chosen = _objects(selection.aggregate, everything=scope.everything, **asked)
    values = variables(scope, selection) | {"limit": limit, "marker": marker}
    found = db.execute(chosen, values).all()
    few = any(asked.values())
    statement = _members(selection.aggregate, scope.everything, few)
    values = variables(scope) | ({"owners": [row.id for row in found]} if few else {})
    rows = db.execute(statement, values).all()
    name = object_name(selection.aggregate)
    return _columns([name(row) for row in found], [row.id for row in found], rows)


def _columns(names: Sequence[ObjectName], ids: Sequence[int], rows: Sequence[Any]) -> Members:
    """Turn rows of ``_members`` into columns; those of owners that were not chosen fall out."""
    table = np.array([tuple(row) for row in rows], np.int64).reshape(-1, 7)
    places = {owner: place for place, owner in enumerate(ids)}
    owners = np.array([places.get(row[2], -1) for row in rows], np.int64)
    chosen = owners >= 0
    clouds, slots, _, held, let, owned, gone = table[chosen].T
    since, until = np.maximum(held, owned), np.minimum(let, gone)
    return Members(names, clouds, slots, owners[chosen], since, until)
