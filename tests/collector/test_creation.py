"""When objects came into being, and when tenants are gone, as discovery and sweeps find it."""

import os
import time
from collections.abc import Iterator

import pytest

from tests.collector import expected
from tests.collector.lab import SMALL, Lab
from tests.double import Double, Settings

DAY = 86400


@pytest.fixture
def alpha(lab: Lab) -> Double:
    """A cloud with one old tenant, an older one that has a volume only, and one with nothing."""
    double = lab.double(size=None)
    double.add_hypervisor("compute-0000")
    now = lab.clock.now
    domain = double.create_domain("acme").id
    old, older = (double.create_project(name, domain).id for name in ("old", "older"))
    double.create_project("bare", domain)
    double.boot(old, SMALL, created=now - 5 * DAY)
    double.boot(old, SMALL, created=now - 7 * DAY)
    double.create_volume(old, 1, created=now - 3 * DAY)
    double.create_volume(older, 1, created=now - 9 * DAY)
    return double


def dates(lab: Lab, table: str = "project") -> dict[str, float | None]:
    """Give how long before now each object was created, in days."""
    found = lab.sql(f"SELECT name, created_at FROM {table}")
    return {name: None if at is None else (lab.clock.now - at) / DAY for name, at in found}


def test_the_first_discovery_leaves_the_date_to_servers_and_volumes(
    lab: Lab, alpha: Double
) -> None:
    assert lab.cycle("discovery") == []
    assert dates(lab) == {"old": None, "older": None, "bare": None}
    assert lab.cycle("instances") == []
    assert dates(lab) == {"old": 7, "older": None, "bare": None}
    assert dates(lab, "customer") == {"acme": 7}
    assert lab.cycle("volumes") == []
    assert dates(lab) == {"old": 7, "older": 9, "bare": None}
    assert dates(lab, "customer") == {"acme": 9}


def test_the_order_of_the_first_polls_does_not_matter(lab: Lab, alpha: Double) -> None:
    """A collector that runs for ever leases all jobs of a new cloud at once."""
    assert lab.cycle("instances") == []
    assert lab.cycle("volumes") == []
    assert lab.cycle("discovery") == []
    assert dates(lab) == {"old": 7, "older": 9, "bare": None}
    assert dates(lab, "customer") == {"acme": 9}


def test_projects_found_later_are_dated_now(lab: Lab, alpha: Double) -> None:
    lab.cycle()
    domain = alpha.create_domain("late").id
    key = alpha.create_project("later", domain).id
    alpha.boot(key, SMALL, created=lab.clock.now - DAY)
    assert lab.cycle(after=DAY, full=True) == []
    assert dates(lab)["later"] == 0
    assert dates(lab, "customer")["late"] == 0
    assert dates(lab)["bare"] is None


def test_a_date_does_not_move_once_the_sweeps_have_been(lab: Lab, alpha: Double) -> None:
    lab.cycle()
    bare = alpha.project("bare").id
    alpha.boot(bare, SMALL, created=lab.clock.now - 20 * DAY)
    for _ in range(2):
        assert lab.cycle(after=DAY, full=True) == []
    assert dates(lab)["bare"] is None
    assert dates(lab, "customer") == {"acme": 9 + 2}


def test_a_date_set_by_hand_stays(lab: Lab, alpha: Double) -> None:
    from openstats.storage.import_export import exporter, importer

    lab.cycle("discovery")
    with lab.store.transaction() as db:
        exported = exporter.export_registry(db)
        (owner,) = exported["customers"]
        for each in (owner, *owner["projects"]):
            each["created_at"] = int(lab.clock.now) - 30 * DAY
        importer.import_registry(db, exported, int(lab.clock.now))
    assert lab.cycle() == []
    assert dates(lab) == {"old": 30, "older": 30, "bare": 30}
    assert dates(lab, "customer") == {"acme": 30}


@pytest.fixture(params=["America/New_York", "Asia/Kolkata"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Have this process live in another timezone."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.delenv("TZ")
    if "TZ" in os.environ:
        raise AssertionError("the tests' own timezone is lost")
    time.tzset()


def test_dates_are_utc_wherever_the_collector_runs(lab: Lab, alpha: Double, zone: str) -> None:
    assert lab.cycle() == []
    assert dates(lab) == {"old": 7, "older": 9, "bare": None}
    server = next(iter(alpha.state.servers.values()))
    found = lab.sql(f"SELECT created_at FROM instance WHERE uuid = '{server.id}'")
    assert found == [(int(server.created),)]
    # What changed is asked for in UTC, too.
    key = alpha.boot(server.tenant_id, SMALL).id
    assert lab.cycle("instances", after=600) == []
    assert key in expected.servers(lab.store)
    assert lab.asked("changes-since") == 1


# -- tenants that go


def gone(lab: Lab) -> dict[str, float | None]:
    """Give how long ago tenants of customers were found to be gone."""
    query = "SELECT name, deleted_at FROM tenant WHERE name NOT IN ('admin', 'service')"
    return {name: None if at is None else lab.clock.now - at for name, at in lab.sql(query)}


def test_a_tenant_is_gone_when_two_sweeps_missed_it(lab: Lab, alpha: Double) -> None:
    lab.cycle()
    key = alpha.project("bare").id
    alpha.delete_project(key)
    assert lab.cycle(after=600) == []
    assert gone(lab)["bare"] is None
    assert lab.cycle("discovery", after=600) == []
    assert gone(lab) == {"old": None, "older": None, "bare": 0}
    lab.cycle("discovery", after=600)
    assert gone(lab)["bare"] == 600
    assert lab.cycle("quotas", full=True) == []
    assert lab.asked(key) == 0


def test_a_tenant_that_was_missed_once_starts_anew(lab: Lab, alpha: Double) -> None:
    lab.cycle("discovery")
    bare = alpha.project("bare")
    for _ in range(2):
        alpha.delete_project(bare.id)
        lab.cycle("discovery", after=600)
        alpha.state.projects[bare.id] = bare
        lab.cycle("discovery", after=600)
    assert gone(lab)["bare"] is None


def test_a_tenant_that_comes_back(lab: Lab, alpha: Double) -> None:
    lab.cycle("discovery")
    bare = alpha.project("bare")
    alpha.delete_project(bare.id)
    for _ in range(2):
        lab.cycle("discovery", after=600)
    assert gone(lab)["bare"] == 0
    alpha.state.projects[bare.id] = bare
    assert lab.cycle("discovery", after=600) == []
    assert gone(lab)["bare"] is None
    assert lab.sql("SELECT count(*) FROM tenant WHERE name = 'bare'") == [(1,)]


# -- two regions of one Keystone


def test_two_regions_share_projects_and_not_tenants(lab: Lab, alpha: Double) -> None:
    west = lab.double("west", size=None, identity=alpha, region="West")
    west.add_hypervisor("west-0000", vcpus=8)
    old = alpha.project("old").id
    west.boot(old, SMALL, created=lab.clock.now - 8 * DAY)
    assert lab.cycle() == []
    assert expected.customers(lab.store) == {"acme": (3, 0, 3)}
    assert lab.sql("SELECT count(*) FROM tenant WHERE name = 'old'") == [(2,)]
    assert dates(lab)["old"] == 8
    for name, double in (("alpha", alpha), ("west", west)):
        assert expected.known_quotas(lab.store, name) == expected.quotas(double)
        known = expected.known_capacity(lab.store, double)
        assert known.items() >= expected.capacities(double).items()


def test_a_region_that_is_added_later_brings_no_new_projects(lab: Lab, alpha: Double) -> None:
    lab.cycle()
    before = lab.sql("SELECT id, uuid, name, created_at FROM project ORDER BY id")
    west = lab.double("west", size=None, identity=alpha, region="West")
    west.add_hypervisor("west-0000")
    old = alpha.project("old").id
    west.boot(old, SMALL)
    lab.use()
    assert lab.cycle(after=600) == []
    assert lab.sql("SELECT id, uuid, name, created_at FROM project ORDER BY id") == before
    assert expected.customers(lab.store) == {"acme": (3, 0, 3)}


def test_an_entry_that_lists_regions_is_a_cloud_for_each(lab: Lab, alpha: Double) -> None:
    settings = Settings(token_lifetime=1e9, region="West")
    with Double(clock=lab.clock, identity=alpha, settings=settings) as west:
        west.add_hypervisor("west-0000", vcpus=8)
        del lab.clouds["alpha"]["region_name"]
        lab.clouds["alpha"]["regions"] = ["RegionOne", {"name": "West"}]
        assert lab.cycle() == []
        assert lab.sql("SELECT name, region FROM cloud ORDER BY region") == [
            ("alpha:RegionOne", "RegionOne"),
            ("alpha:West", "West"),
        ]
        assert expected.known_capacity(lab.store, west)["vcpus"] == 8
