"""Lists of servers, volumes and snapshots: no part is taken for the whole, no odd item for all."""

from typing import Any

import pytest

from tests.collector import expected
from tests.collector.lab import SOON, Lab
from tests.collector.odd import first_item, of_item, only
from tests.double import Double
from tests.edge import Garbage

SERVERS, VOLUMES, SNAPSHOTS = "servers/detail", "volumes/detail.*limit=1000", "snapshots/.*=1000"


@pytest.fixture
def known(lab: Lab, alpha: Double) -> Double:
    """A cloud that was read, with snapshots."""
    for volume in list(alpha.state.volumes)[:3]:
        alpha.create_snapshot(volume)
    lab.clock.advance(SOON)
    assert lab.cycle() == []
    return alpha


def stored(lab: Lab) -> list[tuple[Any, ...]]:
    """Return what is known of servers and of block storage."""
    use = "SELECT t.tenant_id, v.* FROM volume_use v JOIN tenant t ON t.id = v.tenant_id ORDER BY 1"
    return [*lab.sql("SELECT uuid, status, vcpus, disk FROM instance ORDER BY 1"), *lab.sql(use)]


def test_a_cinder_without_its_admin_rule_is_no_empty_one(lab: Lab, known: Double) -> None:
    before = stored(lab)
    known.settings.volume_admin = False
    for _ in range(3):
        (said,) = lab.cycle("volumes", after=SOON)
        assert "Cinder shows this user only volumes of its own project; previous figures" in said
        assert "allow context_is_admin in Cinder's policy, see etc/policy/cinder.yaml" in said
    assert stored(lab) == before
    known.settings.volume_admin = True
    assert lab.cycle("volumes", after=SOON) == []


def test_a_cinder_that_never_had_its_admin_rule(lab: Lab, alpha: Double) -> None:
    alpha.settings.volume_admin = False
    (said,) = lab.cycle("discovery", "volumes")
    assert "Cinder shows this user only volumes of its own project" in said
    assert lab.outcome("volumes").polled_at is None


@pytest.mark.parametrize("number", [0, 2])
@pytest.mark.parametrize(("url", "key"), [(VOLUMES, "volumes"), (SNAPSHOTS, "snapshots")])
def test_cinders_lists_are_held_against_its_counts(
    lab: Lab, known: Double, url: str, key: str, number: int
) -> None:
    before = stored(lab)
    with lab.edge.during(url, only(key, number)):
        for _ in range(2):
            (said,) = lab.cycle("volumes", full=True, after=SOON)
            total = len(getattr(known.state, key))
            assert f"alpha: Cinder lists {number} {key}, but counts {total}" in said
    assert stored(lab) == before
    assert lab.cycle("volumes", after=SOON) == []


def test_volumes_that_come_while_they_are_listed_are_no_contradiction(
    lab: Lab, known: Double
) -> None:
    tenant = next(iter(known.state.volumes.values())).tenant_id

    def create(_: str, url: str) -> bool:
        if "volumes/detail" in url and "limit=1000" in url:
            known.create_volume(tenant, 1)
        return False

    lab.edge.rule(create, Garbage())
    assert lab.cycle("volumes", full=True, after=SOON) == []


ODD_SERVERS: dict[str, Any] = {
    **dict.fromkeys(("flavor", "status", "created", "tenant_id")),
    "name": 7,
}


@pytest.mark.parametrize("key", ODD_SERVERS)
def test_one_odd_server_takes_no_other_along(lab: Lab, known: Double, key: str) -> None:
    before = stored(lab)
    new = known.boot(
        next(iter(known.state.projects)), next(iter(known.state.servers.values())).flavor
    )
    name = min(known.state.servers)
    # Of the list the first is the newest; the sweep is told of one that is known.
    action = of_item("servers", name, **{key: ODD_SERVERS[key]})
    with lab.edge.during(f"{SERVERS}(?!.*changes-since)", action):
        for full in (True, False):
            (said,) = lab.cycle("instances", full=full, after=SOON)
            assert f"1 server cannot be read and is left out: server {name}" in said
    assert expected.servers(lab.store) == set(known.state.servers)
    assert lab.outcome("instances").polled_at == int(lab.clock.now)
    assert lab.cycle("instances", after=SOON) == []
    assert [row for row in stored(lab) if row[0] != new.id] == before


def test_a_server_that_was_never_read_stays_named(lab: Lab, alpha: Double) -> None:
    with lab.edge.during(SERVERS, first_item("servers", flavor=None)):
        for _ in range(3):
            errors = lab.cycle("instances", after=SOON)
            assert ["1 server cannot be read" in error for error in errors] == [True]
        assert len(expected.servers(lab.store)) == len(alpha.state.servers) - 1
    assert lab.cycle("instances", after=SOON) == []
    assert expected.servers(lab.store) == set(alpha.state.servers)


OF_VOLUMES, OF_SNAPSHOTS = (
    "os-vol-tenant-attr:tenant_id",
    "os-extended-snapshot-attributes:project_id",
)
ODD_VOLUMES: list[tuple[str, str, str, Any]] = [
    (VOLUMES, "volumes", "size", None),
    (VOLUMES, "volumes", "created_at", None),
    (VOLUMES, "volumes", OF_VOLUMES, None),
    (SNAPSHOTS, "snapshots", "size", "huge"),
    (SNAPSHOTS, "snapshots", OF_SNAPSHOTS, None),
]


@pytest.mark.parametrize(("url", "key", "name", "value"), ODD_VOLUMES)
def test_one_odd_volume_takes_no_other_along(
    lab: Lab, known: Double, url: str, key: str, name: str, value: Any
) -> None:
    before = stored(lab)
    other = known.create_project("late").id
    known.create_volume(other, 7)
    with lab.edge.during(url, first_item(key, **{name: value})):
        for _ in range(2):
            (said,) = lab.cycle("volumes", after=SOON)
            assert f"1 {key[:-1]} cannot be read and is left out: {key[:-1]} " in said
    after = stored(lab)
    assert [row for row in after if row[0] != other] == before
    if key == "snapshots":
        assert len(after) == len(before) + 1
    assert lab.cycle("volumes", after=SOON) == []
    assert len(stored(lab)) == len(before) + 1


def test_an_empty_list_of_services_hides_no_cell(lab: Lab, known: Double) -> None:
    before = stored(lab)
    with lab.edge.during("os-services", Garbage(b'{"services": []}')):
        errors = lab.cycle("instances", "quotas", full=True, after=SOON)
    assert ["it lists no nova-compute, though servers are on" in error for error in errors] == [
        True,
        True,
    ]
    assert stored(lab) == before
    assert lab.cycle("instances", "quotas", after=SOON) == []
