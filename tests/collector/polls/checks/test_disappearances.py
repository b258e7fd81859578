"""The brake: what disappears all at once is believed after some sightings, or when accepted."""

from collections.abc import Callable
from typing import Any

import pytest

from openstats.storage import disappearances
from openstats.storage.registry import clouds
from tests.collector import expected
from tests.collector.lab import SOON, Lab
from tests.double import Double, Size

DAY = 86400


@pytest.fixture
def known(lab: Lab) -> Double:
    """A cloud of ten of each kind of thing, which was read."""
    size = Size(projects=10, servers=10, volumes=10, hypervisors=10, snapshots=10)
    double = lab.double(size=size)
    assert lab.cycle() == []
    return double


def tenants(double: Double, number: int) -> None:
    names = [p.id for p in double.state.projects.values() if p.name.startswith("project")]
    for key in names[:number]:
        double.delete_project(key)


def servers(double: Double, number: int) -> None:
    """Delete servers so that Nova does not tell."""
    for key in list(double.state.servers)[:number]:
        double.delete_server(key)
        del double.state.deleted[key]


def volumes(double: Double, number: int) -> None:
    for key in list(double.state.volumes)[:number]:
        double.delete_volume(key)


def snapshots(double: Double, number: int) -> None:
    for key in list(double.state.snapshots)[:number]:
        double.delete_snapshot(key)


KINDS: dict[str, tuple[Callable[[Double, int], None], str, str, int]] = {
    "tenants": (tenants, "discovery", "tenant WHERE deleted_at IS NULL AND name <> ''", 12),
    "servers": (servers, "instances", "instance", 10),
    "volumes": (volumes, "volumes", "volume_use WHERE volumes > 0", 10),
    "snapshots": (snapshots, "volumes", "volume_use WHERE snapshots > 0", 10),
}


def number_of(lab: Lab, rows: str) -> int:
    ((number,),) = lab.sql(f"SELECT count(*) FROM {rows}")
    return number


@pytest.mark.parametrize("what", KINDS)
def test_a_mass_disappearance_is_believed_at_the_third_sighting(
    lab: Lab, known: Double, what: str
) -> None:
    disappear, kind, rows, total = KINDS[what]
    disappear(known, 4)
    for seen in (1, 2):
        (said,) = lab.cycle(kind, after=DAY)
        assert f"alpha: 4 of {total} {what} are gone at once; previous figures" in said
        assert f"until this was seen 3 times (so far: {seen}), or somebody confirms it" in said
        assert said.endswith("openstats cloud accept alpha")
        assert number_of(lab, rows) == total
        assert lab.job(kind, "next_at") == lab.clock.now + {"discovery": 3600}.get(kind, 300)
    for _ in range(2):
        assert lab.cycle(kind, after=DAY) == []
    assert number_of(lab, rows) == total - 4


@pytest.mark.parametrize("what", KINDS)
def test_accepted_disappearance_is_believed_at_once(lab: Lab, known: Double, what: str) -> None:
    disappear, kind, rows, total = KINDS[what]
    disappear(known, 4)
    assert len(lab.cycle(kind, after=DAY)) == 1
    with lab.store.transaction() as db:
        (cloud,) = clouds.clouds(db)
        assert list(disappearances.accept(db, cloud, lab.clock.now)) == [what]
    for _ in range(2):
        assert lab.cycle(kind, after=DAY) == []
    assert number_of(lab, rows) == total - 4


@pytest.mark.parametrize("what", KINDS)
def test_a_few_may_go_at_any_time(lab: Lab, known: Double, what: str) -> None:
    disappear, kind, rows, total = KINDS[what]
    disappear(known, 2)
    for _ in range(2):
        assert lab.cycle(kind, after=DAY) == []
    assert number_of(lab, rows) == total - 2


def test_returning_tenants_were_never_gone(lab: Lab, known: Double) -> None:
    before: dict[str, Any] = dict(known.state.projects)
    tenants(known, 4)
    assert len(lab.cycle("discovery", after=DAY)) == 1
    known.state.projects.update(before)
    assert lab.cycle("discovery", after=DAY) == []
    tenants(known, 4)
    (said,) = lab.cycle("discovery", after=DAY)
    assert "(so far: 1)" in said


def test_a_disappearance_that_grows_is_another_one(lab: Lab, known: Double) -> None:
    tenants(known, 4)
    lab.cycle("discovery", after=DAY)
    with lab.store.transaction() as db:
        (cloud,) = clouds.clouds(db)
        disappearances.accept(db, cloud, lab.clock.now)
    tenants(known, 3)
    (said,) = lab.cycle("discovery", after=DAY)
    assert "7 of 12 tenants are gone at once" in said
    assert "(so far: 1)" in said


def test_servers_that_nova_calls_deleted_are_gone(lab: Lab, known: Double) -> None:
    for key in list(known.state.servers):
        known.delete_server(key)
    assert lab.cycle("instances", after=SOON) == []
    assert expected.servers(lab.store) == set()


def test_the_share_is_an_option(lab: Lab, known: Double) -> None:
    lab.use(vanish_share=1.0)
    volumes(known, 10)
    assert lab.cycle("volumes", after=SOON) == []
    assert number_of(lab, "volume_use WHERE volumes > 0") == 0
