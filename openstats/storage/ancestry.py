"""Ancestry: of what an alert is, and whose that is now, which is kept with it for ever."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Select, bindparam, literal, select

from openstats.alerts import Bound, Labelled
from openstats.errors import ConflictError
from openstats.storage import schema
from openstats.storage.alert_schema import OWNERS
from openstats.storage.upsert import one_of

cloud, tenant, instance = schema.cloud, schema.tenant, schema.instance
project, customer = schema.project, schema.customer
group, member = schema.project_group, schema.project_group_member


@dataclass(frozen=True, slots=True)
class Place:
    """What an alert is of, by ``kind`` (None: nobody knows), with what that is below, as row ids.

    ``groups`` are the project groups that it is below.
    """

    kind: str | None = None
    customer_id: int | None = None
    project_group_id: int | None = None
    project_id: int | None = None
    tenant_id: int | None = None
    cloud_id: int | None = None
    instance: str | None = None
    groups: tuple[int, ...] = ()

    def columns(self) -> dict[str, Any]:
        """Give what the table ``alert`` keeps."""
        refs = {f"{name}_id": getattr(self, f"{name}_id") for name in OWNERS}
        return {"kind": self.kind, "instance": self.instance} | refs


NOWHERE = Place()


def _tenants(bound: Bound) -> Select[Any]:
    """Select the tenants for which somebody may speak, with what is above them."""
    columns = project.c.customer_id, tenant.c.project_id, tenant.c.id, tenant.c.cloud_id
    found = select(*columns, cloud.c.name, tenant.c.tenant_id)
    joined = tenant.join(cloud, cloud.c.id == tenant.c.cloud_id)
    joined = joined.outerjoin(project, project.c.id == tenant.c.project_id)
    if bound.customer:
        joined = joined.join(customer, customer.c.id == project.c.customer_id)
        found = found.where(customer.c.uuid == bound.customer)
    if bound.clouds:
        found = found.where(cloud.c.name.in_(bound.clouds))
    if bound.project:
        found = found.where(project.c.uuid == bound.project)
    if bound.tenants is not None:
        found = found.where(tenant.c.uuid.in_(bound.tenants))
    return found.select_from(joined)


def of_labels(db: Connection, bound: Bound, labelled: Sequence[Labelled]) -> list[Place]:
    """Give the place of each alert by what its labels say: the nearest that is inside a bound.

    Who names a cloud means none of another, also where a tenant there has the same id.
    """
    instances = _of_instances(db, bound, {one.instance for one in labelled} - {None})
    tenants = _of_tenants(db, bound, {one.tenant for one in labelled} - {None})
    clouds = _of_clouds(db, bound)
    names = dict(db.execute(select(cloud.c.id, cloud.c.name)).all())

    def there(one: Labelled, places: Iterable[Place]) -> list[Place]:
        return [p for p in places if one.cloud in (None, names[p.cloud_id])]

    return [
        _common(there(one, instances.get(one.instance, ())))
        or _common(there(one, tenants.get(one.tenant, ())))
        or clouds.get(one.cloud, NOWHERE)
        for one in labelled
    ]


def _of_tenants(db: Connection, bound: Bound, keys: Collection[Any]) -> dict[Any, list[Place]]:
    """Give tenants by their id in Keystone: in each region there is one."""
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
    """Give the clouds for all of which somebody may speak, by name."""
    if bound.customer or bound.project or bound.tenants is not None:
        return {}
    chosen = select(cloud.c.name, cloud.c.id)
    if bound.clouds:
        chosen = chosen.where(cloud.c.name.in_(bound.clouds))
    return {row.name: Place("cloud", cloud_id=row.id) for row in db.execute(chosen)}


def of_bound(db: Connection, bound: Bound) -> Place:
    """Give the one thing for which somebody may speak: a tenant, a project or a customer."""
    if bound.tenants is not None:
        return _common([_place_of("tenant", row) for row in db.execute(_tenants(bound))]) or NOWHERE
    for kind in ("project", "customer"):
        if uuid := getattr(bound, kind):
            return _known(db, kind, uuid) or NOWHERE
    return NOWHERE


def _common(found: Sequence[Place]) -> Place | None:
    """Give what tenants have in common: the only one, the project of all, or nothing."""
    if len(found) == 1:
        return found[0]
    projects = {(place.customer_id, place.project_id) for place in found}
    if len(projects) != 1 or (owner := projects.pop())[1] is None:
        return None
    return Place("project", owner[0], None, owner[1])


def of_object(db: Connection, kind: str, uuid: str) -> Place:
    """Give the place of what has a uuid.

    Raises:
        ConflictError: nothing has.
    """
    found = _known(db, kind, uuid)
    if found is None:
        raise ConflictError(f"scope: there is no {kind.replace('_', ' ')} {uuid}")
    return found


def _known(db: Connection, kind: str, uuid: str) -> Place | None:
    row = db.execute(_place(kind), {"uuid": uuid}).first()
    return None if row is None else Place(kind, *row)


def _place(kind: str) -> Select[Any]:
    """Select what is above something, in the order of Place's fields."""
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
    return select(*columns).select_from(joined).where(table.c.uuid == bindparam("uuid"))


def of_rows(db: Connection, kind: str, rows: Iterable[int]) -> dict[int, Place]:
    """Give the places of tenants or clouds by row id."""
    if kind == "cloud":
        return {row: Place("cloud", cloud_id=row) for row in rows}
    chosen = _tenants(Bound()).where(one_of(tenant.c.id, "rows"))
    found = db.execute(chosen, {"rows": sorted(set(rows))})
    return {row[2]: _place_of("tenant", row) for row in found}


def with_groups(db: Connection, places: Sequence[Place]) -> list[Place]:
    """Add the groups that each place is below."""
    wanted = {place.project_id for place in places if place.project_id is not None}
    statement = select(member.c.project_id, member.c.project_group_id)
    held: dict[int, list[int]] = {}
    rows = statement.where(one_of(member.c.project_id, "projects"))
    for owned, owner in db.execute(rows, {"projects": sorted(wanted)}) if wanted else ():
        held.setdefault(owned, []).append(owner)
    return [replace(place, groups=_groups(place, held)) for place in places]


def _groups(place: Place, held: Mapping[int, Sequence[int]]) -> tuple[int, ...]:
    if place.project_group_id is not None:
        return (place.project_group_id,)
    return tuple(sorted(held.get(place.project_id, ()))) if place.project_id else ()
