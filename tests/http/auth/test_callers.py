"""Who sees what by token and grants: lists and statistics agree, before and after moves."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from sqlalchemy import select
from webtest import TestApp

from openstats.storage import ownership
from openstats.storage.registry import customers, moves
from openstats.storage.registry.customers import ObjectChange
from openstats.storage.schema import tables
from openstats.storage.store import Database
from tests.api.door import Door, Token, token
from tests.conftest import Sqlite
from tests.double import Double
from tests.registry import AGGREGATES, NOW, site, uuids

CUSTOMERS = {"shop": "acme", "blog": "acme", "lab": "umbrella"}
VCPUS = {"shop": 4, "blog": 8, "lab": 16}
HELD = {"shop": 1.0, "blog": 2.0, "lab": 4.0}
"""MiB that were allocated in the hour before NOW, on the average."""

START = NOW // 300 * 300 - 3600
MOVED = START + 1800
SPAN = {"from": START, "to": START + 3600}


@pytest.fixture
def door(sqlite: Sqlite, tmp_path: Path) -> Iterator[Door]:
    with Double() as keystone, sqlite.store() as store:
        with store.transaction() as db:
            alpha = site(db, auth_url=keystone.auth_url)
            for name, customer in CUSTOMERS.items():
                alpha.project(name, customer=customer, groups=["web"] * (name == "shop"))
            alpha.discover(START)
            for name, vcpus in VCPUS.items():
                alpha.quota(name, vcpu=(vcpus, 1)).servers(name, 1)
            item = "memory.allocated"
            alpha.read(item, START).read(item, START + 3600, 3600, **HELD)
            acme = uuids(db, "customer")["acme"]
            group = ObjectChange("empty", customer=acme)
            customers.write(db, "project_group", str(uuid4()), group, START)
        yield Door(tmp_path, keystone, store)


class Caller(NamedTuple):
    """A client of the application with a token."""

    app: TestApp
    headers: dict[str, str]

    def get(self, path: str, status: int = 200, **query: Any) -> Any:
        return self.app.get(path, query, headers=self.headers, status=status).json

    def statistic(self, name: str, **query: Any) -> Any:
        return self.get(f"/api/stats/{name}/", **query)

    def listed(self, kind: str, **query: Any) -> dict[str, Any]:
        """Return the entries of a list by name."""
        found = self.get(f"/api/{kind.replace('_', '-')}s/", **query)
        return {entry["name"]: entry for entry in found[f"{kind}s"]}


def caller(door: Door, content: Token) -> Caller:
    return Caller(door.app(), door.hand(content))


class Seen(NamedTuple):
    """What a caller sees: customers with their projects, groups and servers; groups; projects."""

    customers: dict[str, tuple[int, int, int]]
    groups: frozenset[str]
    projects: frozenset[str]

    @property
    def names(self) -> dict[str, set[str]]:
        return dict(
            zip(AGGREGATES, map(set, (self.customers, self.projects, self.groups)), strict=True)
        )


def seen(customers: dict[str, tuple[int, int, int]], groups: str, projects: str) -> Seen:
    return Seen(customers, frozenset(groups.split()), frozenset(projects.split()))


NOTHING = seen({}, "", "")
OWN = seen({"acme": (1, 1, 1)}, "web", "shop")
OF_ACME = seen({"acme": (2, 2, 2)}, "empty web", "blog shop")
EVERYTHING = seen({"acme": (2, 2, 2), "umbrella": (1, 0, 1)}, "empty web", "blog lab shop")
OF_CLOUD = seen({"acme": (2, 1, 2), "umbrella": (1, 0, 1)}, "web", "blog lab shop")
PORTAL = {"application_credential": {"id": "c", "restricted": True}}

CALLERS: dict[str, tuple[Token, list[tuple[str, str]], Seen]] = {
    "an admin": (token("admin", project="admin"), [], EVERYTHING),
    "a reader of everything": (token("reader", project="admin"), [], EVERYTHING),
    "a service": (token("service", project="service"), [], EVERYTHING),
    "a reader of a project": (token("reader"), [], OWN),
    "nobody": (token("member", project=""), [], NOTHING),
    "a reader who manages another project": (
        token("reader"),
        [("project", "blog")],
        seen({"acme": (2, 1, 2)}, "web", "blog shop"),
    ),
    "a reader who owns another customer": (
        token("reader"),
        [("customer", "umbrella")],
        seen({"acme": (1, 1, 1), "umbrella": (1, 0, 1)}, "web", "lab shop"),
    ),
    "a reader who owns the project's customer": (token("reader"), [("customer", "acme")], OF_ACME),
    "an owner without a project": (
        token("member", project="none"),
        [("customer", "acme")],
        OF_ACME,
    ),
    "an owner by a credential that was given away": (
        token("reader", **PORTAL),
        [("customer", "acme")],
        OWN,
    ),
    "the manager of an empty group": (
        token("member"),
        [("project_group", "empty")],
        seen({"acme": (0, 1, 0)}, "empty", ""),
    ),
    "a reader who manages an empty group": (
        token("reader"),
        [("project_group", "empty")],
        seen({"acme": (1, 2, 1)}, "empty web", "shop"),
    ),
    "the admin of a cloud": (token("member"), [("cloud", "alpha")], OF_CLOUD),
    "the admin of a cloud who is a reader": (token("reader"), [("cloud", "alpha")], OF_CLOUD),
    "the admin of a cloud and owner of a customer": (
        token("reader"),
        [("cloud", "alpha"), ("customer", "acme")],
        EVERYTHING,
    ),
}


@pytest.mark.parametrize(("content", "grants", "expected"), CALLERS.values(), ids=CALLERS)
def test_every_list_and_statistic_shows_what_is_the_callers(
    door: Door, content: Token, grants: list[tuple[str, str]], expected: Seen
) -> None:
    for kind, name in grants:
        door.grant(name, kind, user_id="ann")
    asked = caller(door, content)
    counted = ("projects", "project_groups", "instances")
    assert {
        entry["name"]: tuple(entry[name] for name in counted)
        for entry in asked.statistic("customer")
    } == expected.customers
    created = {"from": START - 1, "to": START + 1, "datapoints": 1}
    for aggregate, names in expected.names.items():
        assert set(asked.listed(aggregate)) == names
        for statistic in ("quota", "alert"):
            found = asked.statistic(statistic, aggregate=aggregate, each="true")
            assert {entry["name"] for entry in found} == names
        found = asked.statistic("usage", item="memory", aggregate=aggregate, **SPAN)
        assert {entry["name"] for entry in found} == names
        (point,) = asked.statistic("creation-time", type=aggregate, **created)
        assert point["value"] == len(names)
    assert set(asked.listed("tenant")) == expected.projects
    assert len(asked.get("/api/instances/")["instances"]) == len(expected.projects)
    assert asked.statistic("quota")["vcpu"] == sum(VCPUS[name] for name in expected.projects)


def row(db: Database, table: str, name: str) -> int:
    found = tables.metadata.tables[table]
    return int(db.scalars(select(found.c.id).where(found.c.name == name)).one())


def move_lab(door: Door, what: str) -> None:
    """Give the project lab, or its tenant, to Acme, in the middle of the hour."""
    with door.store.transaction() as db:
        if what == "tenant":
            moves.move(
                db, ownership.TENANTS, {row(db, "tenant", "lab"): row(db, "project", "blog")}, MOVED
            )
        else:
            acme = row(db, "customer", "acme")
            moves.move(db, ownership.PROJECTS, {row(db, "project", "lab"): acme}, MOVED)


def used(asked: Caller, aggregate: str = "customer", **query: Any) -> dict[str, list[float]]:
    """Return the memory in each half of the hour, by name."""
    asking = {"item": "memory", "aggregate": aggregate, "datapoints": 2}
    found = asked.statistic("usage", **asking, **SPAN, **query)
    return {e["name"]: [point["value"] for point in e["datapoints"]] for e in found}


@pytest.mark.parametrize("what", ["tenant", "project"])
def test_the_admin_of_a_cloud_keeps_the_past_of_what_moves_within_it(door: Door, what: str) -> None:
    door.grant("alpha", "cloud", user_id="ann")
    asked = caller(door, token("member"))
    assert used(asked) == {"acme": [3, 3], "umbrella": [4, 4]}
    move_lab(door, what)
    assert used(asked) == {"acme": [3, 7], "umbrella": [4, 0]}
    by_project = {"lab": [4, 0], "blog": [2, 6]} if what == "tenant" else {"lab": [4, 4]}
    assert used(asked, "project") == {"shop": [1, 1], "blog": [2, 2]} | by_project
    everything = caller(door, token("admin", project="admin"))
    assert used(asked) == used(everything)
    assert used(asked, "project") == used(everything, "project")


@pytest.fixture
def former(door: Door) -> Caller:
    """Give the owner of the customer that a project was taken from."""
    door.time[0] = float(MOVED - 60)
    admin = caller(door, token("admin", project="admin"))
    lab = admin.listed("project")["lab"]["uuid"]
    alert = {"severity": "Error", "alert_type": "x", "message": "y", "scope": {"project": lab}}
    admin.app.post_json("/api/alerts/", alert, headers=admin.headers, status=201)
    door.grant("umbrella", "customer", user_id="ann")
    move_lab(door, "project")
    door.time[0] = float(START + 3600)
    return caller(door, token("member", project="none"))


def test_a_former_owner_sees_nothing_of_now(former: Caller) -> None:
    for aggregate in ("project", "project_group"):
        assert former.listed(aggregate) == former.listed(aggregate, deleted="true") == {}
        assert former.statistic("quota", aggregate=aggregate, each="true") == []
        assert former.statistic("creation-time", type=aggregate, **{"from": 0})[-1]["value"] == 0
    assert former.listed("tenant", deleted="true") == {}
    assert former.get("/api/instances/") == {"instances": []}
    counts = {"name": "umbrella", "projects": 0, "project_groups": 0, "instances": 0}
    assert former.statistic("customer") == [counts]
    assert set(former.statistic("quota").values()) == {0}
    former.get("/api/stats/resource/", status=403)


def test_a_former_owner_keeps_its_time(door: Door, former: Caller) -> None:
    admin = caller(door, token("admin", project="admin"))
    lab = admin.listed("project")["lab"]["uuid"]
    assert used(former) == {"umbrella": [4, 0]}
    assert used(former, "project") == {}
    for query in ({"uuid": lab}, {"deleted": "true"}):
        assert used(former, "project", **query) == {"lab": [4, 0]}
    assert former.statistic("quota", aggregate="project", uuid=lab)["vcpu"] == 0
    assert former.listed("project", uuid=lab) == {}
    former.get(f"/api/projects/{lab}/", status=404, deleted="true")


@pytest.mark.parametrize(
    ("start", "end", "mine", "theirs"),
    [
        (START, MOVED, 1, 0),
        (MOVED + 1, START + 3600, 0, 1),
        (START, START + 3600, 1, 1),
    ],
)
def test_an_alert_that_is_open_at_a_move_is_the_former_owners_until_then(
    door: Door, former: Caller, start: int, end: int, mine: int, theirs: int
) -> None:
    door.grant("acme", "customer", user_id="bob")
    new = Caller(former.app, door.hand(token("member", user="bob", project="none")))
    span: dict[str, Any] = {"from": start, "to": end, "aggregate": "customer"}
    for asked, expected in ((former, mine), (new, theirs)):
        assert asked.statistic("alert", **span)["Error"] == expected
        (entry,) = asked.statistic("alert", each="true", **span)
        assert entry["Error"] == expected
        (entry,) = asked.statistic("alert", each="true", interval="hour", **span)
        assert max(piece["Error"] for piece in entry["datapoints"]) == expected
        (customer,) = asked.listed("customer").values()
        bounds = {"from": start, "to": end, "customer": customer["uuid"]}
        assert len(asked.get("/api/alerts/", **bounds)["alerts"]) == expected


@pytest.mark.parametrize("what", ["tenant", "project"])
def test_the_admin_of_a_cloud_keeps_the_alerts_of_what_moves_within_it(
    door: Door, what: str
) -> None:
    door.time[0] = float(MOVED - 60)
    admin = caller(door, token("admin", project="admin"))
    lab = admin.listed("tenant")["lab"]["uuid"]
    alert = {"severity": "Error", "alert_type": "x", "message": "y", "scope": {"tenant": lab}}
    admin.app.post_json("/api/alerts/", alert, headers=admin.headers, status=201)
    door.grant("alpha", "cloud", user_id="ann")
    before = {"from": START, "to": MOVED - 30}
    asked = caller(door, token("member"))
    assert asked.statistic("alert", **before)["Error"] == 1
    move_lab(door, what)
    for of in (asked, admin):
        assert of.statistic("alert", **before)["Error"] == 1
        assert of.statistic("alert", **SPAN)["Error"] == 2
        assert len(of.get("/api/alerts/")["alerts"]) == 2
