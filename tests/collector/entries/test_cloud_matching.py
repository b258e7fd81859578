"""Several entries of clouds.yaml for one cloud, and several clouds that look like one."""

import json
import logging
from typing import Any

import pytest

from tests.collector.lab import SOON, Lab, running
from tests.devcloud.process import wait_for
from tests.double import Double
from tests.edge import Refuse

PROJECT = "5" * 32


def names(lab: Lab) -> list[str]:
    return [name for (name,) in lab.sql("SELECT name FROM cloud ORDER BY name")]


def left_aside(lab: Lab) -> dict[str, str]:
    found: dict[str, str] = {}
    for (text,) in lab.sql("SELECT left_aside FROM cloud WHERE left_aside IS NOT NULL"):
        for reasons in json.loads(text).values():
            found |= reasons
    return found


def figures(lab: Lab) -> list[tuple[Any, ...]]:
    """Return how much there is of everything that could be counted twice."""
    tables = "cloud", "customer", "project", "tenant", "instance", "capacity", "quota"
    counted = [lab.sql(f"SELECT count(*) FROM {table}")[0] for table in tables]
    return [*counted, *lab.sql("SELECT sum(vcpus) FROM capacity")]


def internal(lab: Lab, name: str = "internal", of: str = "alpha", **auth: Any) -> None:
    """Write an entry that has another URL of the same Keystone."""
    entry = lab.clouds[of]
    url = entry["auth"]["auth_url"].replace("127.0.0.1", "localhost")
    lab.clouds[name] = entry | {"auth": entry["auth"] | {"auth_url": url} | auth}


def member(lab: Lab, name: str = "member", of: str = "alpha", **auth: Any) -> None:
    """Write an entry of somebody who sees one project only."""
    entry = lab.clouds[of]
    own = {"username": "member", "project_name": "demo"}
    lab.clouds[name] = entry | {"auth": entry["auth"] | own | auth}


@pytest.fixture
def alpha(lab: Lab) -> Double:
    """Give a cloud in which a member has a project."""
    double = lab.double()
    double.create_project("demo", id=PROJECT)
    return double


def alone(lab: Lab) -> list[tuple[Any, ...]]:
    """Return the figures of alpha, asked by one entry."""
    assert lab.cycle() == []
    return figures(lab)


def test_a_public_and_an_internal_url_are_one_cloud(lab: Lab, alpha: Double) -> None:
    expected = alone(lab)
    internal(lab)
    lab.use()
    for _ in range(2):
        assert lab.cycle(after=SOON) == []
        assert figures(lab) == expected
    assert names(lab) == ["alpha"]
    assert list(left_aside(lab)) == ["internal"]


def test_twin_entries_are_counted_once_from_the_start(lab: Lab, alpha: Double) -> None:
    internal(lab)
    assert lab.cycle() == []
    assert len(names(lab)) == 1
    assert lab.cycle(after=SOON) == []
    both = figures(lab)
    assert both[0] == (1,)
    assert both[3] == (len(alpha.state.projects),)
    assert both[4] == (len(alpha.state.servers),)


@pytest.mark.parametrize("order", [["alpha", "member"], ["member", "alpha"]])
@pytest.mark.parametrize("by_another_url", [False, True])
def test_the_entry_that_sees_most_is_taken_whatever_the_order(
    lab: Lab,
    alpha: Double,
    order: list[str],
    by_another_url: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    member(lab)
    if by_another_url:
        internal(lab, "member", of="member")
    lab.clouds = {name: lab.clouds[name] for name in order}
    for _ in range(3):
        lab.cycle(after=SOON)
    assert lab.cycle(after=SOON) == []
    found = figures(lab)
    assert found[0] == (1,)
    assert found[4] == (len(alpha.state.servers),)
    assert list(left_aside(lab)) == ["member"]
    assert "which sees more: " in left_aside(lab)["member"]
    assert "the entry member of clouds.yaml is left aside: it is the same cloud as" in caplog.text


def test_of_two_that_see_the_same_the_first_is_taken(lab: Lab, alpha: Double) -> None:
    lab.clouds["again"] = lab.clouds["alpha"]
    assert lab.cycle() == []
    assert names(lab) == ["alpha"]
    said = "it is the same cloud as alpha, which comes first and sees as much"
    assert left_aside(lab) == {"again": said}


def test_figures_do_not_fall_where_only_the_member_is_left(lab: Lab, alpha: Double) -> None:
    member(lab)
    assert lab.cycle() == []
    before = figures(lab)
    del lab.clouds["alpha"]
    lab.use()
    errors = lab.cycle(after=SOON)
    assert errors
    assert all("member: sees less of this cloud than alpha" in error for error in errors)
    assert figures(lab) == before


@pytest.mark.parametrize("first", ["admin", "member"])
def test_of_one_name_on_two_machines_the_entry_that_sees_more_asks(
    lab: Lab, alpha: Double, first: str, caplog: pytest.LogCaptureFixture
) -> None:
    admin = lab.collector("alpha")
    member(lab, "alpha")
    collectors = {"admin": admin, "member": lab.collector("alpha")}
    order = sorted(collectors, key=lambda who: who != first)
    for _ in range(2):
        for who in order:
            lab.clock.advance(SOON)
            errors = collectors[who].cycle()
    (kept,) = figures(lab)[4]
    assert kept == len(alpha.state.servers)
    assert "alpha: sees less of this cloud than the entry alpha of another user" in caplog.text
    assert collectors["admin"].cycle() == []
    assert collectors["member"].connections.refused == {"alpha"}
    assert collectors["admin"].connections.refused == frozenset()
    assert errors == [] or order[-1] == "member"


def test_a_machine_whose_entry_sees_less_lets_the_cloud_alone(lab: Lab, alpha: Double) -> None:
    """Unless nobody else asks it: then it says again why it does not."""
    admin = lab.collector("alpha")
    assert admin.cycle() == []
    member(lab, "alpha")
    other = lab.collector("alpha")
    assert other.cycle() != []
    assert list(left_aside(lab)) == ["alpha"]
    leased = "SELECT count(*) FROM job WHERE leased_until IS NOT NULL"
    lab.sql(f"UPDATE job SET next_at = {lab.clock.now}, error = NULL")
    lab.edge.clear()
    with running(other):
        assert not lab.edge.wait(1, timeout=1)
        assert lab.sql(leased) == [(0,)]
    other = lab.collector("alpha")
    other.cycle()
    lab.sql(f"UPDATE job SET next_at = {lab.clock.now - 60}, error = NULL")
    with running(other):
        wait_for("a word", lambda: "sees less" in str(lab.outcome("capacity").error))


@pytest.mark.parametrize("by_another_url", [False, True])
def test_a_cloud_has_the_name_of_the_entry_that_asks_it(
    lab: Lab, alpha: Double, by_another_url: bool
) -> None:
    member(lab)
    if by_another_url:
        internal(lab, "member", of="member")
    lab.clouds = {name: lab.clouds[name] for name in ("member", "alpha")}
    # The first cycle asks for everything, although it finds another name.
    assert by_another_url or (lab.cycle() == [] and lab.idle())
    for _ in range(3):
        lab.cycle(after=SOON)
    assert names(lab) == ["alpha"]
    assert lab.cycle(after=SOON) == []
    assert figures(lab)[4] == (len(alpha.state.servers),)
    assert lab.outcome("instances").polled_at == int(lab.clock.now)
    lab.use()
    assert lab.cycle(after=SOON) == []
    assert names(lab) == ["alpha"]


def test_two_collectors_with_two_urls_share_one_cloud(lab: Lab, alpha: Double) -> None:
    expected = alone(lab)
    internal(lab)
    here, there = lab.collector("alpha"), lab.collector("internal")
    for _ in range(2):
        lab.clock.advance(SOON)
        assert there.cycle() == here.cycle() == []
        assert figures(lab) == expected
    assert set(there.connections.by_name) == {"alpha"}
    # It comes back to where it was.
    again = lab.collector("internal")
    assert names(lab) == ["alpha"]
    assert again.cycle() == []


def test_two_that_were_registered_before_become_one_with_the_grants_of_both(
    lab: Lab, alpha: Double
) -> None:
    internal(lab)
    lab.collector("alpha").cycle()
    expected = figures(lab)
    lab.sql("UPDATE cloud SET identity = NULL")
    # Nobody has signed in to the first one since the upgrade.
    lab.collector("internal").cycle()
    assert names(lab) == ["alpha", "internal"]
    assert figures(lab) != expected
    lab.sql(
        'INSERT INTO "grant" (uuid, user_id, role, customer_id, created_at) '
        "SELECT 'g' || id, 'u', 'owner', id, 0 FROM customer"
    )
    lab.use()
    lab.cycle(after=SOON)
    assert lab.cycle(after=SOON) == []
    assert figures(lab) == expected
    owned = lab.sql('SELECT count(*) FROM "grant" g JOIN customer c ON c.id = g.customer_id')
    assert owned == lab.sql('SELECT count(*) FROM "grant"') != [(0,)]


def test_without_a_region_name_it_is_the_cloud_of_the_region(lab: Lab, alpha: Double) -> None:
    expected = alone(lab)
    lab.clouds["bare"] = {k: v for k, v in lab.clouds["alpha"].items() if k != "region_name"}
    lab.use()
    lab.cycle(after=SOON)
    assert lab.cycle(after=SOON) == []
    assert figures(lab) == expected
    assert names(lab) == ["alpha"]


@pytest.mark.parametrize("url", ["http://controller:5000/v3", "http://controller:5000"])
def test_two_keystones_with_one_url_in_their_catalogs_are_two(
    lab: Lab, alpha: Double, url: str
) -> None:
    beta = lab.double("beta")
    admin = beta.state.projects.pop("7bb0e66dcaf447bfa03530c6fc9dda64")
    admin.id = "6" * 32
    beta.state.projects[admin.id] = admin
    for name, double in {"alpha": alpha, "beta": beta}.items():
        lab.clouds[name]["identity_endpoint_override"] = double.auth_url
        double.site.catalog[:] = [
            each._replace(url=url) if each.type == "identity" else each
            for each in double.site.catalog
        ]
    lab.cycle()
    assert lab.cycle(after=SOON) == []
    assert names(lab) == ["alpha", "beta"]
    assert left_aside(lab) == {}


def test_a_keystone_that_fails_while_two_are_compared_is_no_defect(
    lab: Lab, alpha: Double, caplog: pytest.LogCaptureFixture
) -> None:
    assert lab.cycle() == []
    internal(lab, project_name="demo")
    lab.use()
    lab.sql("UPDATE tenant SET tenant_id = 'x' || tenant_id")
    with lab.edge.during(r"GET \S*/v3/projects/[^/]*$", Refuse()):
        assert lab.cycle(after=SOON) != []
    assert "defect" not in caplog.text


def test_a_region_of_one_keystone_by_another_url_shares_its_customers(
    lab: Lab, alpha: Double
) -> None:
    expected = alone(lab)
    lab.double("beta", None, identity=alpha, region="RegionTwo")
    internal(lab, "beta", of="beta")
    lab.use()
    for _ in range(2):
        assert lab.cycle("discovery", "instances", after=SOON) == []
    assert names(lab) == ["alpha", "beta"]
    assert figures(lab)[1:3] == expected[1:3]


@pytest.fixture(autouse=True)
def _warnings(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "openstats")
