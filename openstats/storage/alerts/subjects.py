"""Ancestry: of what an alert is, and whose that was while it was open, which it keeps for ever."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Select, bindparam, literal, select

from openstats.alerts import Bound, Labelled
from openstats.errors import ConflictError
from openstats.storage.alerts.histories import NOWHERE, History, Place, constant, made, of_places
from openstats.storage.dialects import one_of
from openstats.storage.schema import tables

cloud, tenant, instance = tables.cloud, tables.tenant, tables.instance
project, customer = tables.project, tables.customer
group, member = tables.project_group, tables.project_group_member

Owned = tuple[int | None, int | None]
"""A project and its customer, as row ids."""

NOBODY = 0
"""The row id that nothing has."""


def _tenants(bound: Bound) -> Select[Any]:
    """Select the tenants that somebody may name, with what is above them."""
    columns = project.c.customer_id, tenant.c.project_id, tenant.c.id, tenant.c.cloud_id
    found = select(*columns, tenant.c.tenant_id)
    joined = tenant.join(cloud, cloud.c.id == tenant.c.cloud_id)
    joined = joined.outerjoin(project, project.c.id == tenant.c.project_id)
    if bound.clouds:
        found = found.where(cloud.c.name.in_(bound.clouds))
    if bound.tenants is not None:
        found = found.where(tenant.c.uuid.in_(bound.tenants))
    return found.select_from(joined)


def of_labels(db: Connection, bound: Bound, labelled: Sequence[Labelled]) -> list[History]:
    """Return the history of each alert by what its labels say: the nearest that is inside a bound.

    Who names a cloud means none of another, also where a tenant there has the same id.
    """
    instances = _of_instances(db, bound, {one.instance for one in labelled} - {None})
    tenants = _of_tenants(db, bound, {one.tenant for one in labelled} - {None})
    clouds = _of_clouds(db, bound)
    names = dict(db.execute(select(cloud.c.id, cloud.c.name)).all())
    known = _histories(db, bound, [*instances.values(), *tenants.values()])

    def nearest(one: Labelled, places: Iterable[Place]) -> History | None:
        there = [place for place in places if one.cloud in (None, names[place.cloud_id])]
        return _common([known[place] for place in there if place in known])

    return [
        nearest(one, instances.get(one.instance, ()))
        or nearest(one, tenants.get(one.tenant, ()))
        or constant(clouds.get(one.cloud, NOWHERE))
        for one in labelled
    ]


def _histories(
    db: Connection, bound: Bound, found: Iterable[Sequence[Place]]
) -> dict[Place, History]:
    """Return the histories of places that are inside a bound, or were; outside they are nowhere."""
    places = [*dict.fromkeys(chain.from_iterable(found))]
    histories = zip(places, of_places(db, places), strict=True)
    if not bound.customer and not bound.project:
        return dict(histories)
    owners = _row(db, customer, bound.customer), _row(db, project, bound.project)

    def inside(place: Place) -> bool:
        pairs = zip(owners, (place.customer_id, place.project_id), strict=True)
        return all(owner in (None, own) for owner, own in pairs)

    narrowed = {place: _narrowed(history, inside) for place, history in histories}
    return {
        place: history for place, history in narrowed.items() if any(map(inside, history.places))
    }


def _row(db: Connection, table: Any, uuid: str | None) -> int | None:
    """Return the row id of a uuid, None for none; what is not there is nobody's."""
    if uuid is None:
        return None
    return db.scalar(select(table.c.id).where(table.c.uuid == uuid)) or NOBODY


def _narrowed(history: History, inside: Callable[[Place], bool]) -> History:
    return made(history.times, lambda time: p if inside(p := history.at(time)) else NOWHERE)


def _common(histories: Sequence[History]) -> History | None:
    """Return the history of what tenants have in common, at each time; None where nothing ever."""
    if len(histories) < 2:
        return next(iter(histories), None)
    times = chain.from_iterable(history.times for history in histories)
    common = made(times, lambda time: _shared([history.at(time) for history in histories]))
    return None if common == constant(NOWHERE) else common


def _shared(places: Sequence[Place]) -> Place:
    """Return the only place, or the project of all; nowhere if there is none."""
    there = [place for place in places if place != NOWHERE]
    if len(there) == 1:
        return there[0]
    projects = {(place.customer_id, place.project_id) for place in there}
    if len(projects) != 1 or (owner := projects.pop())[1] is None:
        return NOWHERE
    return Place("project", owner[0], None, owner[1])


def _of_tenants(db: Connection, bound: Bound, keys: Collection[Any]) -> dict[Any, list[Place]]:
    """Return tenants by their id in Keystone: in each region there is one."""
    chosen = _tenants(bound).where(one_of(tenant.c.tenant_id, "keys"))
    found: dict[Any, list[Place]] = {}
    for row in db.execute(chosen, {"keys": sorted(keys)}) if keys else ():
        found.setdefault(row.tenant_id, []).append(_place_of("tenant", row))
    return found


def _of_instances(db: Connection, bound: Bound, uuids: Collection[Any]) -> dict[Any, list[Place]]:
    mine = _tenants(bound).add_columns(instance.c.uuid.label("instance"))
    mine = mine.join(instance, instance.c.tenant_id == tenant.c.id)
    chosen = mine.where(one_of(instance.c.uuid, "uuids"))
    rows = db.execute(chosen, {"uuids": sorted(uuids)}) if uuids else ()
    return {row.instance: [_place_of("instance", row, row.instance)] for row in rows}


def _place_of(kind: str, row: Any, instance: str | None = None) -> Place:
    return Place(kind, row[0], None, row[1], row[2], row[3], instance)


def _of_clouds(db: Connection, bound: Bound) -> dict[Any, Place]:
    """Return the clouds for all of which somebody may speak, by name."""
    if bound.customer or bound.project or bound.tenants is not None:
        return {}
    chosen = select(cloud.c.name, cloud.c.id)
    if bound.clouds:
        chosen = chosen.where(cloud.c.name.in_(bound.clouds))
    return {row.name: Place("cloud", cloud_id=row.id) for row in db.execute(chosen)}


def of_bound(db: Connection, bound: Bound) -> History:
    """Return the history of all that somebody may speak for: tenants, a project or a customer."""
    if bound.tenants is not None:
        places = [_place_of("tenant", row) for row in db.execute(_tenants(bound))]
        return _common([*_histories(db, bound, [places]).values()]) or constant(NOWHERE)
    for kind in ("project", "customer"):
        if uuid := getattr(bound, kind):
            return of_places(db, [_known(db, kind, uuid) or NOWHERE])[0]
    return constant(NOWHERE)


def of_object(db: Connection, kind: str, uuid: str) -> Place:
    """Return the place of what has a uuid.

    Raises:
        ConflictError: nothing has that exists.
    """
    found = _known(db, kind, uuid, existing=True)
    if found is None:
        raise ConflictError(f"scope: there is no {kind.replace('_', ' ')} {uuid}")
    return found


def _known(db: Connection, kind: str, uuid: str, *, existing: bool = False) -> Place | None:
    row = db.execute(_place(kind, existing=existing), {"uuid": uuid}).first()
    return None if row is None else Place(kind, *row)


def _place(kind: str, *, existing: bool) -> Select[Any]:
    """Select what is above something, in the order of Place's fields; if it exists, or existed."""
    none = literal(None)
    of_tenant = project.c.customer_id, none, tenant.c.project_id, tenant.c.id, tenant.c.cloud_id
    linked = tenant.outerjoin(project, project.c.id == tenant.c.project_id)
    held = linked.join(instance, instance.c.tenant_id == tenant.c.id)
    selects: dict[str, tuple[Any, Any, Sequence[Any]]] = {
        "customer": (customer, customer, [customer.c.id]),
        "project_group": (group, group, [group.c.customer_id, group.c.id]),
        "project": (project, project, [project.c.customer_id, none, project.c.id]),
        "tenant": (tenant, linked, of_tenant),
        "cloud": (cloud, cloud, [none, none, none, none, cloud.c.id]),
        "instance": (instance, held, [*of_tenant, instance.c.uuid]),
    }
    table, joined, columns = selects[kind]
    found = select(*columns).select_from(joined).where(table.c.uuid == bindparam("uuid"))
    if existing and "deleted_at" in table.c:
        found = found.where(table.c.deleted_at.is_(None))
    return found


def of_rows(db: Connection, kind: str, rows: Iterable[int]) -> dict[int, Place]:
    """Give the places of tenants or clouds by row id."""
    if kind == "cloud":
        return {row: Place("cloud", cloud_id=row) for row in rows}
    chosen = _tenants(Bound()).where(one_of(tenant.c.id, "rows"))
    found = db.execute(chosen, {"rows": sorted(set(rows))})
    return {row[2]: _place_of("tenant", row) for row in found}


def with_groups(db: Connection, places: Sequence[Place]) -> list[Place]:
    """Add the groups that each place is below: of a former customer's nobody knows by now."""
    wanted = {place.project_id for place in places if place.project_id is not None}
    columns = member.c.project_id, group.c.customer_id, member.c.project_group_id
    rows = select(*columns).join(group, group.c.id == member.c.project_group_id)
    rows = rows.where(one_of(member.c.project_id, "projects"))
    held: dict[Owned, list[int]] = {}
    for owned, owner, row in db.execute(rows, {"projects": sorted(wanted)}) if wanted else ():
        held.setdefault((owned, owner), []).append(row)
    return [replace(place, groups=_groups(place, held)) for place in places]


def _groups(place: Place, held: Mapping[Owned, Sequence[int]]) -> tuple[int, ...]:
    if place.project_group_id is not None:
        return (place.project_group_id,)
    return tuple(sorted(held.get((place.project_id, place.customer_id), ())))
