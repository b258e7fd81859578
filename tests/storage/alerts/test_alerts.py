"""Alerts: counted as a naive walk through all of them counts, whoever asks, whatever moved."""

from collections import Counter
from collections.abc import Iterator, Set
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Table, delete, insert, select, update

from openstats.alerts import Cause, Notification, RuleResult, StatusFilter
from openstats.model import EVERYTHING, ObjectName, Scope, Selection
from openstats.severities import SEVERITIES
from openstats.storage import ownership
from openstats.storage.alerts import rule_alerts, subjects
from openstats.storage.alerts.closing import delete_closed
from openstats.storage.alerts.counts import ANY_STATUS, count, count_by_object, selected_objects
from openstats.storage.alerts.histories import NO_SUBJECT
from openstats.storage.alerts.rows import AlertRow, insert_alerts
from openstats.storage.entries.alerts import ALERTS
from openstats.storage.entries.pagination import read_all
from openstats.storage.registry import moves
from openstats.storage.schema import tables as schema
from openstats.storage.schema.alerts import OWNERS, SPANS, alert, span
from openstats.storage.schema.types import FOREVER
from openstats.storage.store import Database, Store
from openstats.storage.usage import members
from openstats.unix_time import DAY, HOUR
from tests.registry import AGGREGATES, NOW, change, site, uuids
from tests.storage.alerts.rows import END, START, one
from tests.storage.together import together
from tests.storage.worlds import World, drawn, moved, worlds, written
from tests.undone import undone

BOUNDS = START, END
KINDS = (*OWNERS, "instance")
LENGTHS = [0, 1, *(length + off for length in SPANS[:-1] for off in (-1, 0, 1)), 2 * HOUR]
STATUSES = [
    StatusFilter(),
    StatusFilter(opened=True),
    StatusFilter(opened=False),
    StatusFilter(acknowledged=True),
    StatusFilter(acknowledged=False),
    StatusFilter(opened=False, acknowledged=True),
]


@dataclass(frozen=True)
class Planned:
    """An alert: before which move it is created, of what, when, and for how long (None: still)."""

    step: int
    kind: str | None
    which: int
    severity: str
    edge: int
    off: int
    length: int | None
    acknowledged: bool

    @property
    def times(self) -> tuple[int, int]:
        """Give when it was created and closed: near to an edge of what is asked about."""
        created = self.edge + self.off - (self.length or 0 if self.edge == START else 0)
        return created, FOREVER if self.length is None else created + self.length


planned = st.builds(
    Planned,
    st.integers(0, 6),
    st.sampled_from([*KINDS, None]),
    st.integers(0, 9),
    st.sampled_from(SEVERITIES),
    st.sampled_from(BOUNDS),
    st.sampled_from([-1, 0, 1, HOUR]),
    st.sampled_from([*LENGTHS, None]),
    st.booleans(),
)


@dataclass(frozen=True)
class Known:
    """What a naive walk knows of an alert: uuids of whom it was when it was opened.

    ``uuid`` is what it is of; a move opened it or closed it, unless that was as planned.
    """

    plan: Planned
    uuid: str = ""
    opened_at: int | None = None
    closed_at: int | None = None
    customer: str | None = None
    groups: frozenset[str] = frozenset()
    project: str | None = None
    tenant: str | None = None

    @property
    def times(self) -> tuple[int, int]:
        """Give when it was opened and closed."""
        created, until = self.plan.times
        opened = created if self.opened_at is None else self.opened_at
        return opened, until if self.closed_at is None else self.closed_at

    def active(self, bounds: tuple[int, int], status: StatusFilter) -> bool:
        created, until = self.times
        return (
            created < bounds[1]
            and until >= bounds[0]
            and status.opened in (None, until == FOREVER)
            and status.acknowledged in (None, self.plan.acknowledged)
        )

    def visible(self, scope: Scope, now: dict[str, str | None], inside: Set[str]) -> bool:
        """Return whether it is seen; ``now`` has the project of each tenant.

        ``inside`` are the tenants of the caller's clouds, of which all time is seen.
        """
        own = self.plan.kind == "project_group" and self.groups <= scope.groups
        single = self.tenant in scope.tenants and now[str(self.tenant)] == self.project is not None
        return (
            scope.everything
            or self.customer in scope.customers
            or self.project in (scope.projects or ())
            or own
            or single
            or (self.tenant in inside and self.project is not None)
        )

    def of(self, aggregate: str) -> frozenset[str | None]:
        """Give of which objects of an aggregate it is, or below which."""
        if aggregate == "project_group":
            return frozenset(self.groups)
        return frozenset([self.customer if aggregate == "customer" else self.project]) - {None}


def tables() -> dict[str, Table]:
    return {kind: schema.metadata.tables[kind] for kind in KINDS}


def rows(db: Database, table: Table) -> dict[int, Any]:
    return {
        row.uuid if table.name == "instance" else row.id: row for row in db.execute(select(table))
    }


def walked(db: Database, plan: Planned, uuid: str) -> Known:
    """Walk up from what has a uuid, row by row."""
    held = {kind: rows(db, table) for kind, table in tables().items()}
    row = next(row for row in held[str(plan.kind)].values() if row.uuid == uuid)
    tenant = project = None
    if plan.kind == "instance":
        tenant = held["tenant"][row.tenant_id]
    if plan.kind == "tenant":
        tenant = row
    if tenant is not None and tenant.project_id:
        project = held["project"][tenant.project_id]
    if plan.kind == "project":
        project = row
    owner = row if plan.kind == "project_group" else project
    customer = held["customer"][owner.customer_id] if owner is not None else None
    groups = {
        m.project_group_id
        for m in db.execute(select(schema.project_group_member))
        if project is not None and m.project_id == project.id
    }
    groups |= {row.id} if plan.kind == "project_group" else set()
    return Known(
        plan,
        uuid,
        None,
        None,
        row.uuid if plan.kind == "customer" else customer and customer.uuid,
        frozenset(held["project_group"][group].uuid for group in groups),
        project and project.uuid,
        tenant and tenant.uuid,
    )


def opened(db: Database, plan: Planned) -> Known | None:
    """Create an alert of something that is there; None where nothing is."""
    subject, known = NO_SUBJECT, Known(plan)
    if plan.kind:
        table = tables()[plan.kind]
        order = table.c.created_at if plan.kind == "instance" else table.c.id
        found = list(db.scalars(select(table.c.uuid).order_by(order, table.c.uuid)))
        if not found:
            return None
        uuid = found[plan.which % len(found)]
        subject, known = subjects.of_object(db, plan.kind, uuid), walked(db, plan, uuid)
    created, until = plan.times
    notification = Notification("f", "", "type", plan.severity, "message", created)
    (row,) = insert_alerts(db, [AlertRow("test", notification, subject, created, until, NOW)])
    if plan.acknowledged:
        db.execute(update(alert).where(alert.c.id == row).values(acknowledged_at=NOW))
    return known


def history(db: Database, world: World, plans: list[Planned]) -> list[Known]:
    """Write a registry, move what moves, and create alerts before, between and after."""
    written(db, replace(world, moves=[]))
    found = []
    for step in range(len(world.moves) + 1):
        last = step == len(world.moves)
        mine = [plan for plan in plans if plan.step == step or (last and plan.step > step)]
        found += [known for plan in mine if (known := opened(db, plan))]
        if not last:
            kind, what, whose = world.moves[step]
            at = NOW + 10 * (step + 1)
            moved(db, kind, what, whose, at)
            found = [part for known in found for part in parted(db, known, at)]
    return found


def parted(db: Database, known: Known, at: int) -> list[Known]:
    """Give an alert, and the one that goes on with it if it is open and somebody else's now."""
    if not known.uuid or known.times[1] != FOREVER:
        return [known]
    now = replace(walked(db, known.plan, known.uuid), opened_at=at)
    if (now.customer, now.project) == (known.customer, known.project):
        return [known]
    return [replace(known, closed_at=at), now]


def projects_now(db: Database) -> dict[str, str | None]:
    tenant, project = schema.tenant, schema.project
    joined = tenant.outerjoin(project, project.c.id == tenant.c.project_id)
    return dict(db.execute(select(tenant.c.uuid, project.c.uuid).select_from(joined)).all())  # type: ignore[arg-type]


def tenants_inside(db: Database, scope: Scope) -> set[str]:
    tenant, cloud = schema.tenant, schema.cloud
    mine = select(tenant.c.uuid).join(cloud).where(cloud.c.uuid.in_(scope.clouds))
    return set(db.scalars(mine))


def counted(found: Iterator[Known]) -> dict[str, int]:
    return dict(Counter(known.plan.severity for known in found))


LATER = NOW, NOW + 1000


@given(
    worlds,
    st.lists(planned, max_size=12),
    st.sampled_from(STATUSES),
    st.booleans(),
    st.sampled_from([BOUNDS, LATER]),
)
@settings(max_examples=150)
def test_counts_are_those_of_a_walk_through_all_alerts(
    shared_store: Store,
    world: World,
    plans: list[Planned],
    status: StatusFilter,
    everything: bool,
    bounds: tuple[int, int],
) -> None:
    with undone(shared_store) as db:
        known = history(db, world, plans)
        scope = EVERYTHING if everything else drawn(db, world)
        now, inside = projects_now(db), tenants_inside(db, scope)
        active = (one for one in known if one.active(bounds, status))
        seen = [one for one in active if one.visible(scope, now, inside)]
        assert count(db, scope, None, bounds, status) == counted(iter(seen))
        for aggregate in AGGREGATES:
            # With what has vanished, however long ago.
            all_of_it = Selection(aggregate, since=0)
            listed = members.read(db, scope, all_of_it).objects
            of_any = (one for one in seen if one.of(aggregate) & {of.uuid for of in listed})
            assert count(db, scope, all_of_it, bounds, status) == counted(of_any)
            expected = [
                (of, counted(one for one in seen if of.uuid in one.of(aggregate))) for of in listed
            ]
            assert each(db, scope, all_of_it, bounds, status) == expected
            picked = tuple(of.uuid for of in listed[:2])
            if picked:
                of_picked = (one for one in seen if one.of(aggregate) & {*picked})
                selection = Selection(aggregate, picked, since=0)
                assert count(db, scope, selection, bounds, status) == counted(of_picked)
                assert each(db, scope, selection, bounds, status) == expected[:2]


def each(
    db: Database,
    scope: Scope,
    selection: Selection,
    bounds: tuple[int, int],
    status: StatusFilter = ANY_STATUS,
) -> list[tuple[ObjectName, dict[str, int]]]:
    counts = count_by_object(db, scope, selection, bounds, status)
    return [(of, counts.get(row, {})) for row, of in selected_objects(db, scope, selection).items()]


@given(worlds, st.lists(planned, max_size=12))
def test_list_and_count_agree(shared_store: Store, world: World, plans: list[Planned]) -> None:
    with undone(shared_store) as db:
        history(db, world, plans)
        scope = drawn(db, world)
        filters = {"start": START, "end": END}
        found = read_all(db, ALERTS, scope, filters)
        listed = dict(Counter(row.severity for row in found))
        assert listed == count(db, scope, None, BOUNDS)
        assert all(row.labels is None for row in found)


@given(st.integers(0, 2**40), st.one_of(st.none(), st.sampled_from(LENGTHS), st.integers(0, 2**40)))
def test_a_span_is_the_shortest_that_an_alert_fits_into(created: int, length: int | None) -> None:
    subject = span(created, FOREVER if length is None else created + length)
    if length is None:
        assert subject == len(SPANS) - 1
    else:
        assert length <= SPANS[subject]
        assert not subject or length > SPANS[subject - 1]


def errors(db: Database, *of: str, scope: Scope = EVERYTHING) -> int:
    """Count the errors of an aggregate's objects, or of all."""
    selection = Selection(of[0], of[1:]) if of else None
    return count(db, scope, selection, BOUNDS).get("Error", 0)


@pytest.mark.parametrize(
    ("created", "until", "active"),
    [
        (END, FOREVER, 0),
        (END - 1, FOREVER, 1),
        (START - 1, START, 1),
        (START - 1, START - 1, 0),
        (START - 400 * DAY, START, 1),
        (START - 400 * DAY, FOREVER, 1),
        (START, START, 1),
        *((START - length, START, 1) for length in LENGTHS),
        *((START - 1 - length, START - 1, 0) for length in LENGTHS),
    ],
)
def test_an_alert_counts_if_it_was_open_at_some_time_in_the_interval(
    db: Database, created: int, until: int, active: int
) -> None:
    one(db, created_at=created, until=until)
    assert errors(db) == active


def test_owner_of_one_tenant_sees_alerts_of_its_project_in_its_time(db: Database) -> None:
    site(db).project("p").project("q").discover()
    tenant, project = schema.tenant.c, schema.project.c
    uuid = str(db.scalar(select(tenant.uuid).where(tenant.name == "p")))
    mine = Scope(frozenset(), tenants=frozenset([uuid]))
    one(db, "tenant", uuid)
    one(db, "project", uuids(db, "project")["p"])
    assert errors(db, scope=mine) == errors(db, "project", scope=mine) == 1
    rows = {name: db.scalar(select(project.id).where(project.name == name)) for name in "pq"}
    change(db, "tenant", "p", project_id=rows["q"])
    one(db, "tenant", uuid)
    assert errors(db, scope=mine) == 1
    assert errors(db, "project", uuids(db, "project")["q"], scope=mine) == 1
    assert errors(db, "project", uuids(db, "project")["p"]) == 2


def test_a_move_closes_open_alerts_and_opens_them_for_the_new_owner(db: Database) -> None:
    alpha = site(db).project("p", groups=["web"]).project("q").discover()
    alpha.server("p", uuid="i")
    tenant, project = schema.tenant.c, schema.project.c
    uuid = str(db.scalar(select(tenant.uuid).where(tenant.name == "p")))
    for kind, of in (("tenant", uuid), ("instance", "i"), ("project", uuids(db, "project")["p"])):
        one(db, kind, of, acknowledged=True)
    one(db, "tenant", uuid, until=NOW)
    row, to = (
        db.scalar(select(column.id).where(column.name == name))
        for column, name in ((tenant, "p"), (project, "q"))
    )
    assert row is not None
    moves.move(db, ownership.TENANTS, {row: to}, NOW + 60)
    projects = uuids(db, "project")
    listed = read_all(db, ALERTS, EVERYTHING)
    times = sorted(
        (row.created_at, row.closed_at or 0, bool(row.acknowledged_at)) for row in listed
    )
    old, new = (START, NOW + 60, True), (NOW + 60, 0, True)
    assert times == [(START, 0, True), (START, NOW, False), old, old, new, new]
    for name, opened in (("p", 1), ("q", 2)):
        picked = Selection("project", (projects[name],))
        counts = count(db, EVERYTHING, picked, (NOW + 61, NOW + 62), StatusFilter(opened=True))
        assert counts == {"Error": opened}
    web = Selection("project_group", (uuids(db, "project_group")["web"],))
    assert count(db, EVERYTHING, web, (NOW + 61, NOW + 62)) == {"Error": 1}


def test_alert_opened_at_the_move_belongs_to_the_new_owner(db: Database) -> None:
    site(db).project("p").project("q").discover()
    project, customer = schema.project.c, schema.customer.c
    one(db, "project", uuids(db, "project")["p"], created_at=NOW)
    row = db.scalar(select(project.id).where(project.name == "p"))
    db.execute(insert(schema.customer).values(uuid=str(uuid4()), name="other"))
    other = db.scalar(select(customer.id).where(customer.name == "other"))
    assert row is not None
    moves.move(db, ownership.PROJECTS, {row: other}, NOW)
    found = db.execute(select(alert.c.customer_id, alert.c.until)).all()
    assert [tuple(one) for one in found] == [(other, FOREVER)]


def test_alerts_of_clouds_and_without_subject_need_the_whole_view(db: Database) -> None:
    found = site(db).project("p").discover()
    cloud = str(db.scalar(select(schema.cloud.c.uuid)))
    one(db, "cloud", cloud)
    one(db)
    acme = uuids(db, "customer")["acme"]
    owner = Scope(frozenset(uuids(db, "project").values()), customers=frozenset([acme]))
    assert (errors(db), errors(db, scope=owner), errors(db, "customer")) == (2, 0, 0)
    assert found.cloud.name == "alpha"


def test_deleted_objects_keep_their_alerts(db: Database) -> None:
    alpha = site(db).project("p", groups=["web"]).project("q").discover()
    acme, project = uuids(db, "customer")["acme"], uuids(db, "project")["p"]
    web = uuids(db, "project_group")["web"]
    alpha.server("p", uuid="i")
    for kind, uuid in (("project", project), ("project_group", web), ("instance", "i")):
        one(db, kind, uuid)
    change(db, "project", "p", deleted_at=NOW)
    change(db, "project_group", "web", deleted_at=NOW)
    db.execute(delete(schema.instance))
    assert errors(db, "customer", acme) == 3
    assert errors(db, "project", project) == 2
    assert errors(db, "project_group", web) == 3
    listed = each(db, EVERYTHING, Selection("project"), BOUNDS)
    assert [(of.name, found) for of, found in listed] == [("q", {})]
    on = [row.subject for row in read_all(db, ALERTS, EVERYTHING)]
    assert on == [("instance", "i"), ("project_group", web), ("project", project)]


def test_an_alert_outlives_the_row_of_its_subject(db: Database) -> None:
    site(db).project("p", groups=["web"]).discover()
    group = uuids(db, "project_group")["web"]
    one(db, "project_group", group)
    db.execute(delete(schema.project_group))
    assert errors(db) == 1
    assert [row.subject for row in read_all(db, ALERTS, EVERYTHING)] == [None]


@pytest.mark.parametrize(("until", "left"), [(NOW - 1, 0), (NOW, 1), (FOREVER, 1)])
def test_alerts_closed_long_ago_are_deleted(db: Database, until: int, left: int) -> None:
    site(db).project("p", groups=["web"]).discover()
    one(db, "project", uuids(db, "project")["p"], until=until)
    assert delete_closed(db, NOW) == 1 - left
    assert len(db.execute(select(alert)).all()) == left


def test_concurrent_rules_open_one_alert_for_each_cause(store: Store) -> None:
    with store.transaction() as db:
        there = site(db).project("p").discover()
        cloud, tenant = there.cloud.id, there.row("p")

    def find(db: Database, _: int, turn: int) -> None:
        found = [
            RuleResult(Cause("tenant", tenant, f"quota.{n}"), "Error", "") for n in range(turn + 1)
        ]
        found.append(RuleResult(Cause("cloud", cloud, "quota.cloud"), "Error", ""))
        rule_alerts.settle(db, rule_alerts.open_alerts(db, cloud, "quota."), found, NOW)

    together(store, find)
    with store.read() as db:
        assert len(db.execute(select(alert)).all()) == 6
