"""Entries of clouds.yaml that change: one cloud stays one, and another one is told apart."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from tests.collector.lab import SIZE, SMALL, SOON, Lab
from tests.conftest import Sqlite
from tests.double import Double, populate
from tests.double.web import Endpoint
from tests.edge import Edge

Change = Callable[[Lab, Double], None]

SUMS = """
SELECT (SELECT count(*) FROM customer WHERE deleted_at IS NULL),
       (SELECT count(*) FROM project WHERE deleted_at IS NULL),
       (SELECT count(*) FROM tenant WHERE deleted_at IS NULL),
       (SELECT count(*) FROM instance),
       (SELECT sum(vcpus) FROM capacity),
       (SELECT count(*) FROM provider),
       (SELECT sum(vcpu_in_use) FROM quota),
       (SELECT sum(storage_in_use) FROM quota),
       (SELECT sum(gigabytes) FROM volume_use)
"""
SERVERS_OF_CUSTOMERS = """
SELECT c.uuid, count(i.uuid) FROM customer c JOIN project p ON p.customer_id = c.id
JOIN tenant t ON t.project_id = p.id JOIN instance i ON i.tenant_id = t.id GROUP BY c.uuid
"""
TWIN = "RegionTwo"


def sums(lab: Lab) -> tuple[Any, ...]:
    return lab.sql(SUMS)[0]


def names(lab: Lab) -> list[str]:
    return [name for (name,) in lab.sql("SELECT name FROM cloud ORDER BY name")]


def settled(lab: Lab) -> list[str]:
    """Return the errors once all that changed was noticed."""
    lab.use()
    for _ in range(3):
        errors = lab.cycle(after=SOON)
    return errors


def rename(lab: Lab, _: Double) -> None:
    lab.clouds = {f"{name}-renamed": entry for name, entry in lab.clouds.items()}


def another_url(lab: Lab, _: Double) -> None:
    for entry in lab.clouds.values():
        url = entry["auth"]["auth_url"].replace("127.0.0.1", "localhost")
        entry["auth"] = entry["auth"] | {"auth_url": url}


def rename_with_another_url(lab: Lab, alpha: Double) -> None:
    rename(lab, alpha)
    another_url(lab, alpha)


def former_url(lab: Lab, alpha: Double) -> None:
    for entry in lab.clouds.values():
        entry["auth"] = entry["auth"] | {"auth_url": alpha.auth_url}


def change_catalog(alpha: Double, change: Callable[[Endpoint], Endpoint]) -> None:
    alpha.site.catalog[:] = [change(each) for each in alpha.site.catalog]


def moved_keystone(lab: Lab, alpha: Double) -> None:
    """Change the URL in the catalog, too."""
    another_url(lab, alpha)
    change_catalog(
        alpha,
        lambda e: e._replace(url=e.url.replace("127", "128")) if e.type == "identity" else e,
    )
    for entry in lab.clouds.values():
        entry["identity_endpoint_override"] = entry["auth"]["auth_url"]


def renamed_region(lab: Lab, alpha: Double) -> None:
    change_catalog(alpha, lambda endpoint: endpoint._replace(region="eu-1"))
    for entry in lab.clouds.values():
        entry["region_name"] = "eu-1"


def second_name_of_region(lab: Lab, alpha: Double) -> None:
    """Have the services under two regions, with an entry each."""
    alpha.site.catalog += [each._replace(region=TWIN) for each in list(alpha.site.catalog)]
    lab.clouds["twin"] = lab.clouds["alpha"] | {"region_name": TWIN}


def only_second_name(lab: Lab, alpha: Double) -> None:
    alpha.site.catalog[:] = [each for each in alpha.site.catalog if each.region == TWIN]
    del lab.clouds["alpha"]


def other_name_of_region(lab: Lab, alpha: Double) -> None:
    """Have the one entry use the region's second name while both are in the catalog."""
    second_name_of_region(lab, alpha)
    lab.clouds["alpha"] = lab.clouds.pop("twin")


@pytest.fixture
def fresh(edge: Edge, lab: Lab, sqlite: Sqlite) -> Callable[[], tuple[Any, ...]]:
    """Give the sums of an empty store that sees the same clouds by the same entries."""

    def read() -> tuple[Any, ...]:
        with sqlite.store() as store, Lab(lab.directory, store, edge) as other:
            other.clock, other.clouds = lab.clock, lab.clouds
            assert settled(other) == []
            return sums(other)

    return read


@pytest.mark.parametrize(
    "changes",
    [
        [another_url],
        [another_url, former_url],
        [moved_keystone],
        [rename],
        [rename, another_url],
        [rename_with_another_url],
        [renamed_region],
        [renamed_region, another_url],
        [other_name_of_region],
        [second_name_of_region],
        [second_name_of_region, only_second_name],
    ],
    ids=lambda changes: "+".join(change.__name__ for change in changes),
)
def test_a_cloud_stays_itself_whatever_of_its_entry_changes(
    lab: Lab,
    alpha: Double,
    fresh: Callable[[], tuple[Any, ...]],
    changes: list[Change],
) -> None:
    assert settled(lab) == []
    owners = lab.sql(SERVERS_OF_CUSTOMERS)
    for change in changes:
        change(lab, alpha)
        assert settled(lab) == []
    assert sums(lab) == fresh()
    assert names(lab) == sorted(lab.clouds)
    assert lab.sql(SERVERS_OF_CUSTOMERS) == owners != []


def unlike(lab: Lab, name: str) -> Double:
    """Start a cloud whose customers are other ones, and write it into clouds.yaml."""
    double = lab.double(name, None)
    double.add_hypervisor("elsewhere")
    project = double.create_project("elsewhere", double.create_domain("elsewhere").id)
    double.boot(project.id, SMALL, "elsewhere")
    return double


def test_an_entry_that_leads_to_another_cloud_says_so_and_mixes_nothing(
    lab: Lab, alpha: Double
) -> None:
    assert settled(lab) == []
    before = sums(lab), lab.sql(SERVERS_OF_CUSTOMERS)
    unlike(lab, "alpha")
    errors = settled(lab)
    assert errors
    assert all("leads to another cloud than alpha" in error for error in errors)
    assert (sums(lab), lab.sql(SERVERS_OF_CUSTOMERS)) == before
    # Under another name it is a cloud of its own, as the error says.
    lab.clouds["beta"] = lab.clouds.pop("alpha")
    assert settled(lab) == []
    assert names(lab) == ["alpha", "beta"]


def test_a_name_that_another_cloud_takes_over_leaves_the_past_with_the_former(
    lab: Lab, alpha: Double
) -> None:
    assert settled(lab) == []
    before = lab.sql("SELECT uuid FROM cloud")
    entry = lab.clouds["alpha"]
    unlike(lab, "alpha")
    lab.clouds["former"] = entry
    assert settled(lab) == []
    assert lab.sql("SELECT uuid FROM cloud WHERE name = 'former'") == before
    assert names(lab) == ["alpha", "former"]


def test_another_region_under_the_same_name_is_no_renamed_region(lab: Lab, alpha: Double) -> None:
    assert settled(lab) == []
    before = sums(lab)
    lab.double("beta", None, identity=alpha, region=TWIN)
    lab.clouds["alpha"] = lab.clouds.pop("beta")
    assert all("than alpha, which was in region RegionOne" in error for error in settled(lab))
    assert sums(lab) == before


def test_a_former_url_that_is_another_cloud_now_is_a_cloud_of_its_own(
    lab: Lab, alpha: Double
) -> None:
    assert settled(lab) == []
    moved_keystone(lab, alpha)
    assert settled(lab) == []
    beta = unlike(lab, "beta")
    lab.sql(f"UPDATE cloud_alias SET keystone = '{beta.url}/identity'")
    assert settled(lab) == []
    assert names(lab) == ["alpha", "beta"]
    assert len(alpha.state.servers) + len(beta.state.servers) == sums(lab)[3]


@pytest.mark.parametrize(("service", "column"), [("volume", 8), ("compute", 3)])
def test_shared_service_counts_in_the_first_region(
    lab: Lab, alpha: Double, service: str, column: int, caplog: pytest.LogCaptureFixture
) -> None:
    assert settled(lab) == []
    before = sums(lab)[column]
    beta = lab.double("beta", None, identity=alpha, region=TWIN)
    beta.add_hypervisor("other")
    own = list(alpha.site.catalog)
    change_catalog(
        alpha,
        lambda each: (
            each._replace(url=each.url.replace(beta.url, alpha.url))
            if f"/{service}/" in each.url
            else each
        ),
    )
    assert settled(lab) == []
    assert sums(lab)[column] == before
    assert "service is that of alpha, and is counted there" in caplog.text
    alpha.site.catalog[:] = own
    project = next(iter(alpha.state.projects))
    beta.boot(project, SMALL, "own")
    beta.create_volume(project, 5)
    assert settled(lab) == []
    assert sums(lab)[column] == before + (5 if service == "volume" else 1)


def test_a_cloud_with_the_servers_of_another_one_says_so(lab: Lab, alpha: Double) -> None:
    populate(lab.double("beta", None), SIZE)
    lab.cycle()
    errors = lab.cycle("instances", after=SOON)
    assert len(errors) == 2
    (said,) = [error for error in errors if error.startswith("alpha: 10 of its servers, such as ")]
    assert "are servers of beta as well, and are counted twice" in said
    # It costs no sweep each time.
    lab.cycle("instances", after=SOON)
    assert lab.asked("servers/detail") == 2


@pytest.fixture(autouse=True)
def _warnings(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "openstats")
