"""Every figure of the four statistics equals what the clouds' own databases say, to the digit."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Postgresql
from tests.devcloud import Cloud
from tests.edge import Edge
from tests.functional.expected import Expected, total
from tests.functional.shaking import shake
from tests.functional.system import Api, System

AGE = 2
ANY_NUMBER = 1000
"""A shaken world may lose any number of things at once, and none of them by an error."""


@pytest.fixture
def rng() -> random.Random:
    """Another world in every run; pytest's -p randomly-seed, which it prints, gives it again."""
    return random.Random(random.getrandbits(64))


@pytest.fixture
def shaken(clouds: dict[str, Cloud], rng: random.Random) -> dict[str, Cloud]:
    for cloud in clouds.values():
        shake(cloud, rng, steps=24)
    return clouds


@pytest.fixture
def placement(
    clouds: dict[str, Cloud], edge: Edge, tmp_path: Path, postgres: Postgresql
) -> Iterator[System]:
    """An installation on PostgreSQL that reads both clouds' capacity from Placement."""
    settings = {"openstats": {"capacity_source": "placement"}}
    entries = {name: cloud.clouds_entry() | settings for name, cloud in clouds.items()}
    with postgres.empty() as store:
        url = store.url.render_as_string(hide_password=False)
        options = {"quota_max_age": AGE, "vanish_floor": ANY_NUMBER}
        with System(tmp_path, entries, edge, url, **options) as fresh:
            yield fresh


def check_resources(api: Api, clouds: dict[str, Cloud], expected: dict[str, Expected]) -> None:
    for name, cloud in clouds.items():
        assert api.get("resource", auth_url=cloud.auth_url) == expected[name].resource(), name


def check_quotas(system: System, api: Api, expected: dict[str, Expected]) -> None:
    everything = [e.quotas[t] for e in expected.values() for t in e.projects]
    assert api.get("quota") == total(everything)
    assert api.get("quota", unlimited="skip") == total(everything, skip=True)
    linked = system.tenants()
    counted = 0
    for entry in api.get("quota", aggregate="project", each="true"):
        cloud, tenant = linked[entry.pop("uuid")]
        name = entry.pop("name")
        if tenant in expected[cloud].projects:
            assert entry == expected[cloud].quota([tenant]), (cloud, name)
            assert name == expected[cloud].projects[tenant]["name"]
            counted += 1
        else:
            assert set(entry.values()) == {0}, (cloud, name)
    assert counted == len(everything)


def check_quota_by_customer(api: Api, expected: dict[str, Expected]) -> None:
    wanted = sorted(
        (name, *sorted(e.quota(e.of_domain(domain)).items()))
        for e in expected.values()
        for domain, name in e.domains().items()
    )
    found = api.get("quota", aggregate="customer", each="true")
    listed = [(entry.pop("name"), entry.pop("uuid"), entry) for entry in found]
    nothing = dict.fromkeys(listed[0][2], 0)
    assert sorted((n, *sorted(e.items())) for n, _, e in listed if e != nothing) == [
        row for row in wanted if any(value for _, value in row[1:])
    ]
    for _, uuid, entry in listed:
        assert api.get("quota", uuid=uuid) == entry


def check_customers(api: Api, expected: dict[str, Expected]) -> None:
    found = [tuple(entry.values()) for entry in api.get("customer")]
    wanted = sorted(row for e in expected.values() for row in e.customers())
    assert sorted(row for row in found if row[1]) == wanted


def check_creation(api: Api, born: dict[str, dict[str, int]]) -> None:
    """Projects were found by the first discovery: dated by their first server or volume."""
    dates = [date for found in born.values() for date in found.values()]
    end = max(dates) + 1
    points = api.get("creation-time", type="project", from_=1, to=end, datapoints=1000)
    assert (points[0]["from"], points[-1]["to"]) == (1, end)
    for point in points:
        assert point["value"] == sum(point["from"] <= date < point["to"] for date in dates)


def check(system: System, clouds: dict[str, Cloud], expected: dict[str, Expected]) -> None:
    with system.serving() as api:
        check_resources(api, clouds, expected)
        check_quotas(system, api, expected)
        check_quota_by_customer(api, expected)
        check_customers(api, expected)
        status, _, headers = api.ask("quota", strict="true")
        assert (status, headers["X-Openstats-Coverage"].split()[1]) == (200, "clouds=2/2")


def read(clouds: dict[str, Cloud], *, placement: bool = False) -> dict[str, Expected]:
    return {name: Expected(cloud, placement=placement) for name, cloud in clouds.items()}


def test_a_full_cycle_and_an_ordinary_one_tell_the_truth(
    system: System, shaken: dict[str, Cloud], rng: random.Random
) -> None:
    system.configure(quota_max_age=AGE, vanish_floor=ANY_NUMBER)
    born = {
        name: {t: d for t, d in e.first_created.items() if t in e.projects}
        for name, e in read(shaken).items()
    }
    system.run("collect", "--once", "--full")
    check(system, shaken, read(shaken))
    for cloud in shaken.values():
        shake(cloud, rng, steps=18)
    # A tenant that left is gone once two sweeps did not show it; every quota is AGE old by now.
    system.run("discover")
    system.run("collect", "--once")
    check(system, shaken, read(shaken))
    with system.serving() as api:
        check_creation(api, born)


def test_placement_tells_the_truth_on_postgresql(
    placement: System, shaken: dict[str, Cloud], rng: random.Random
) -> None:
    placement.run("collect", "--once", "--full")
    check(placement, shaken, read(shaken, placement=True))
    for cloud in shaken.values():
        shake(cloud, rng, steps=12)
    placement.run("discover")
    placement.run("collect", "--once")
    check(placement, shaken, read(shaken, placement=True))


def test_a_root_disk_on_a_volume_takes_none_of_a_hypervisor(
    system: System, placement: System, volume_backed: dict[str, Cloud]
) -> None:
    for installed, expected in (
        (system, read(volume_backed)),
        (placement, read(volume_backed, placement=True)),
    ):
        installed.run("collect", "--once", "--full")
        check(installed, volume_backed, expected)
