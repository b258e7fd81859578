"""An alert belongs to whoever owned what it is of while it was open, whenever it is told of."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from sqlalchemy import Table, select
from webtest import TestApp

from openstats.storage import ownership
from openstats.storage.alerts.closing import close_stale
from openstats.storage.registry import moves
from openstats.storage.schema import tables
from openstats.storage.store import Store
from tests.api.receiving import alarm, listed, sent, tell, webhook
from tests.apps import Api
from tests.registry import NOW, site, uuids

MOVED = NOW + 100
LATER = MOVED + 60
Times = tuple[int, int | None]


class TwoCustomers:
    """Two customers with a project each, and receivers; one project or its tenant moves over."""

    def __init__(self, store: Store, receiving: Api, **receivers: Any) -> None:
        self.store, self.now = store, [MOVED - 50]
        with store.transaction() as db:
            here = site(db).project("old", customer="acme", groups=["web"])
            here.project("new", customer="beta", groups=["db"]).discover()
            self.customers = uuids(db, "customer")
            self.projects = uuids(db, "project")
        bounds = {
            name: {key: uuid.format(**self.customers) for key, uuid in options.items()}
            for name, options in receivers.items()
        }
        self.app: TestApp = receiving(self.now, **bounds or {"am": {}})

    def move(self, kind: str = "project", at: int = MOVED) -> None:
        """Have the tenant be the other project's, or the project the other customer's."""
        owning = ownership.PROJECTS if kind == "project" else ownership.TENANTS
        owner: Table = tables.customer if kind == "project" else tables.project
        with self.store.transaction() as db:
            row = db.scalar(select(owning.owned.c.id).where(owning.owned.c.name == "old"))
            names = ("beta", "new")
            to = db.scalar(select(owner.c.id).where(owner.c.name.in_(names)))
            assert row is not None
            moves.move(db, owning, {row: to}, at)
        self.now[0] = at + 60

    def tell(self, start: int, end: int | None = None, **fields: Any) -> None:
        """Report an alert of the tenant, in seconds after the move."""
        before = (None if at is None else NOW - MOVED - at for at in (start, end))
        tell(self.app, "am", webhook(sent("f", *before, project_id="old") | fields))

    def of(self, customer: str) -> list[Times]:
        """Return when a customer's alerts were open, in seconds after the move."""
        return _ordered(listed(self.app, f"customer={self.customers[customer]}"))

    def of_nobody(self) -> list[Times]:
        """Return likewise those of which nobody knows whose they are."""
        return _ordered(entry for entry in listed(self.app) if entry["scope"] is None)


def _times(entry: dict[str, Any]) -> Times:
    closed = entry["closed_at"]
    return entry["created_at"] - MOVED, None if closed is None else closed - MOVED


def _ordered(entries: Iterable[dict[str, Any]]) -> list[Times]:
    return sorted(map(_times, entries), key=lambda times: (times[0], times[1] is None, times))


Build = Callable[..., TwoCustomers]


@pytest.fixture
def world(store: Store, either_receiving: Api) -> Build:
    return lambda **receivers: TwoCustomers(store, either_receiving, **receivers)


TIMES: list[tuple[Times, list[Times], list[Times]]] = [
    ((-400, None), [(-400, 0)], [(0, None)]),
    ((-400, -300), [(-400, -300)], []),
    ((-400, -3), [(-400, -3)], []),
    ((-400, 0), [(-400, 0)], []),
    ((-400, 30), [(-400, 0)], [(0, 30)]),
    ((0, None), [], [(0, None)]),
    ((0, 0), [], [(0, 0)]),
    ((20, 30), [], [(20, 30)]),
]


@pytest.mark.parametrize(("reported", "acme", "beta"), TIMES, ids=str)
@pytest.mark.parametrize("before", [False, True], ids=["late", "again"])
@pytest.mark.parametrize("kind", ["project", "tenant"])
def test_each_owner_has_the_time_before_or_after_the_move(
    world: Build, kind: str, before: bool, reported: Times, acme: list[Times], beta: list[Times]
) -> None:
    two = world()
    if before and reported[0] < 0:
        two.tell(reported[0])
    two.move(kind)
    for _ in range(2):
        two.tell(*reported)
        assert (two.of("acme"), two.of("beta")) == (acme, beta)


def test_alert_that_fires_again_after_a_move_is_open_for_the_new_owner(
    world: Build,
) -> None:
    two = world()
    two.tell(-400)
    two.move()
    two.tell(-400, -3)
    two.now[0] += 60
    two.tell(-400)
    assert (two.of("acme"), two.of("beta")) == ([(-400, 0)], [(0, None)])
    two.tell(-400, 90)
    assert (two.of("acme"), two.of("beta")) == ([(-400, 0)], [(0, 90)])


def test_a_later_message_is_that_of_the_new_owners_alert(world: Build) -> None:
    two = world()
    two.tell(-400)
    two.move("tenant")
    two.tell(-400, annotations={"summary": "worse"})
    assert [entry["message"] for entry in listed(two.app)] == ["worse", "f is down"]
    counts = two.app.get(f"/api/stats/alert/?aggregate=project&each=true&from={MOVED + 1}").json
    assert {entry["name"]: entry["Error"] for entry in counts} == {"old": 0, "new": 1}


def test_an_episode_that_moves_twice_has_three_parts(world: Build) -> None:
    two = world()
    two.tell(-400)
    two.move()
    two.move("tenant", MOVED + 100)
    two.tell(-400, 130)
    assert two.of("acme") == [(-400, 0)]
    assert two.of("beta") == [(0, 100), (100, 130)]
    two.tell(-400, 50)
    assert two.of("beta") == [(0, 100), (100, 130)]
    two.now[0] += 60
    two.tell(-400)
    two.tell(-400, 50)
    assert (two.of("acme"), two.of("beta")) == ([(-400, 0)], [(0, 50)])


def test_alert_that_went_stale_before_a_move_stays_the_former_owners(world: Build) -> None:
    two = world()
    two.tell(-400)
    two.move()
    with two.store.transaction() as db:
        close_stale(db, MOVED + 10)
    assert (two.of("acme"), two.of("beta")) == ([(-400, -50)], [])
    two.tell(-400)
    assert (two.of("acme"), two.of("beta")) == ([(-400, 0)], [(0, None)])


def test_a_receiver_of_a_customer_reports_on_the_time_of_its_ownership(world: Build) -> None:
    two = world(am={"customer": "{acme}"})
    two.move()
    two.tell(-400)
    assert (two.of("acme"), two.of("beta"), two.of_nobody()) == ([(-400, 0)], [], [(0, None)])


def test_an_alarm_without_times_is_split_at_the_move(store: Store, either_receiving: Api) -> None:
    two = TwoCustomers(store, either_receiving, aodh={"kind": "aodh"})
    assert two.of_nobody() == []
    with store.transaction() as db:
        project = uuids(db, "project")["old"]
    two.app = either_receiving(two.now, aodh={"kind": "aodh", "project": project})
    tell(two.app, "aodh", alarm())
    two.move()
    tell(two.app, "aodh", alarm())
    assert (two.of("acme"), two.of("beta")) == ([(-50, 0)], [(0, None)])
    tell(two.app, "aodh", alarm("ok"))
    assert (two.of("acme"), two.of("beta")) == ([(-50, 0)], [(0, 60)])


@pytest.mark.parametrize("kind", ["project", "tenant"])
def test_alert_posted_with_an_old_date_belongs_to_the_owner_of_that_time(
    world: Build, kind: str
) -> None:
    two = world()
    two.move(kind)
    (tenant,) = two.app.get("/api/tenants/?name=old").json["tenants"]
    scope = {"project": two.projects["old"]} if kind == "project" else {"tenant": tenant["uuid"]}
    told = {"severity": "Info", "alert_type": "t", "message": "m", "scope": scope}
    posted = two.app.post_json("/api/alerts/", told | {"created_at": MOVED - 450})
    assert (two.of("acme"), two.of("beta")) == ([(-450, 0)], [(0, None)])
    two.app.post_json(f"/api/alerts/{posted.json['uuid']}/close/", {})
    assert (two.of("acme"), two.of("beta")) == ([(-450, 0)], [(0, 60)])


def test_a_group_has_alerts_of_its_customers_time_only(world: Build) -> None:
    two = world()
    two.move()
    two.app.put_json(
        f"/api/project-groups/{'5' * 32}/",
        {
            "name": "now",
            "customer": two.customers["beta"],
            "projects": [two.projects["old"]],
        },
    )
    two.tell(-400)
    entries = listed(two.app, f"project_group={'5' * 32}")
    assert list(map(_times, entries)) == [(0, None)]


def test_project_without_an_owner_brings_its_alerts_along(
    store: Store, either_receiving: Api
) -> None:
    two = TwoCustomers(store, either_receiving)
    with store.transaction() as db:
        found = site(db)
        found.project("fresh", customer=None)
        found.project("old", customer="acme", groups=["web"])
        found.project("new", customer="beta", groups=["db"]).discover(MOVED - 70)
    told = sent("g", NOW - MOVED + 400, project_id="fresh")
    over = sent("h", NOW - MOVED + 400, NOW - MOVED + 300, project_id="fresh")
    tell(two.app, "am", webhook(told, over))
    with store.transaction() as db:
        tenant, project = tables.tenant.c, tables.project.c
        row = db.scalar(select(tenant.id).where(tenant.name == "fresh"))
        to = db.scalar(select(project.id).where(project.name == "old"))
        moves.move(db, ownership.TENANTS, {row: to}, MOVED)
    two.now[0] = LATER
    for _ in range(2):
        assert two.of("acme") == [(-400, -300), (-400, None)]
        assert len(listed(two.app, f"project_group={_group(store, 'web')}")) == 2
        tell(two.app, "am", webhook(told))


def _group(store: Store, name: str) -> str:
    with store.read() as db:
        return uuids(db, "project_group")[name]
