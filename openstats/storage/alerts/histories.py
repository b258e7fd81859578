"""Histories: of what an alert is at any time, since moves and deletions change whose that is."""

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, or_, select, union_all

from openstats.storage.dialects import one_of
from openstats.storage.ownership import PROJECTS, TENANTS, Ownership, owner_periods
from openstats.storage.schema import tables
from openstats.storage.schema.alerts import OWNERS
from openstats.storage.schema.types import FOREVER


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
        """Return what the table ``alert`` keeps."""
        refs = {f"{name}_id": getattr(self, f"{name}_id") for name in OWNERS}
        return {"kind": self.kind, "instance": self.instance} | refs


NOWHERE = Place()

MOVING = ("project", "tenant", "instance")
"""Kinds of what may belong to another owner than before."""


@dataclass(frozen=True, slots=True)
class History:
    """Places in order, each from a time on, until that of the next one; the first is 0."""

    times: tuple[int, ...]
    places: tuple[Place, ...]

    def at(self, time: int) -> Place:
        """Return the place at a time."""
        return self.places[bisect_right(self.times, max(0, time)) - 1]

    @property
    def changes(self) -> tuple[int, ...]:
        """Return when one place became another."""
        return self.times[1:]


def constant(place: Place) -> History:
    """Return the history of what always was of one place."""
    return History((0,), (place,))


def made(times: Iterable[int], place_at: Callable[[int], Place]) -> History:
    """Return the history with the place that a function gives for each of these times."""
    pairs = [(time, place_at(time)) for time in sorted({0, *times})]
    changed = [pairs[0], *(pair for before, pair in pairwise(pairs) if pair[1] != before[1])]
    return History(tuple(time for time, _ in changed), tuple(place for _, place in changed))


class Period(NamedTuple):
    """From when until when somebody (a row id, None for nobody) owned something."""

    since: int
    until: int
    owner: int | None


Periods = Mapping[int | None, Sequence[Period]]
"""By row id, in order. There are none of what never moved and was never deleted."""


def of_places(db: Connection, places: Sequence[Place]) -> list[History]:
    """Return the histories of what is at these places now; after its deletion it is nowhere.

    The number of statements does not depend on that of places.
    """
    tenants = _periods(db, TENANTS, {place.tenant_id for place in places})
    owners = {period.owner for periods in tenants.values() for period in periods}
    owned = {place.project_id for place in places} | owners
    # Of owners before a move the place does not tell the customer.
    projects = _periods(db, PROJECTS, owned, unmoved=bool(tenants))
    ends = _ends(db, {place.customer_id for place in places if place.kind == "customer"})
    if not tenants and not projects and not ends:
        return [constant(place) for place in places]
    return [_of_place(place, tenants, projects, ends) for place in places]


def _periods(
    db: Connection, kind: Ownership, rows: Collection[int | None], *, unmoved: bool = False
) -> Periods:
    """Return who owned rows, and when: those that moved or were deleted, or all of them."""
    wanted = {"rows": sorted(row for row in rows if row is not None)}
    now, former = owner_periods(kind)
    deleted_at = kind.owned.c.deleted_at
    current = select(now.row_id, now.since, func.coalesce(deleted_at, now.until), now.owner_id)
    current = current.where(one_of(now.row_id, "rows"))
    if not unmoved:
        current = current.where(or_(now.since > 0, deleted_at.is_not(None)))
    before = select(former.row_id, former.since, former.until, former.owner_id)
    both = union_all(current, before.where(one_of(former.row_id, "rows")))
    found: dict[int | None, list[Period]] = {}
    for row, *period in db.execute(both, wanted) if wanted["rows"] else ():
        found.setdefault(row, []).append(Period(*period))
    return {row: sorted(periods) for row, periods in found.items()}


def _ends(db: Connection, customers: Collection[int | None]) -> dict[int | None, int]:
    """Return when customers were deleted, by row id; those that exist are missing."""
    table = tables.customer
    gone = select(table.c.id, table.c.deleted_at).where(table.c.deleted_at.is_not(None))
    wanted = {"rows": sorted(row for row in customers if row is not None)}
    found = gone.where(one_of(table.c.id, "rows"))
    return dict(db.execute(found, wanted).all()) if wanted["rows"] else {}


def _of_place(
    place: Place, tenants: Periods, projects: Periods, ends: Mapping[int | None, int]
) -> History:
    if place.kind == "customer" and place.customer_id in ends:
        return History((0, ends[place.customer_id]), (place, NOWHERE))
    if place.kind not in MOVING:
        return constant(place)
    mine = tenants.get(place.tenant_id, ())
    owners = {place.project_id, *(period.owner for period in mine)}
    periods = [*mine, *(period for owner in owners for period in projects.get(owner, ()))]
    edges = {edge for period in periods for edge in period[:2] if edge < FOREVER}
    return made(edges, lambda time: _place_at(place, mine, projects, time))


def _place_at(place: Place, mine: Sequence[Period], projects: Periods, time: int) -> Place:
    """Return the place at a time; ``mine`` is whose its tenant was."""
    if mine and time >= mine[-1].until:
        return NOWHERE
    project_id = _owner(mine, time) if mine else place.project_id
    customer_id = place.customer_id
    if project_id in projects:
        customer_id = _owner(projects[project_id], time)
    if project_id is None or customer_id is None:
        # Of a project that is deleted a tenant may be left.
        gone = place.kind == "project"
        return NOWHERE if gone else replace(place, project_id=None, customer_id=None)
    return replace(place, project_id=project_id, customer_id=customer_id)


def _owner(periods: Sequence[Period], time: int) -> int | None:
    return next((owner for since, until, owner in periods if since <= time < until), None)
