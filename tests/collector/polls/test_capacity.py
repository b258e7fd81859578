"""Capacity: Nova's statistics, or Placement's providers where Nova has none."""

from typing import Any

import pytest

from tests.collector import expected
from tests.collector.lab import LARGE, SMALL, SOON, Lab
from tests.collector.odd import document_part
from tests.double import Double
from tests.edge import Garbage, Status

STATISTICS = "os-hypervisors/statistics"
PROVIDER = r"resource_providers/\S+/(inventories|usages)"
PLACEMENT = {"capacity_source": "placement"}


def known(lab: Lab, double: Double) -> dict[str, Any]:
    """Give the figures and where they are from."""
    found = expected.known_capacity(lab.store, double)
    found.pop("at", None)
    return found


def test_nova(lab: Lab, alpha: Double) -> None:
    alpha.disable_service("compute-0001")
    assert lab.cycle("capacity") == []
    assert lab.asked("/compute/") == 2
    assert lab.asked("/placement") == 0
    assert known(lab, alpha) == expected.capacities(alpha) | {"source": "nova"}


@pytest.mark.parametrize("status", [404, 403, 410])
def test_placement_where_nova_refuses(lab: Lab, alpha: Double, status: int) -> None:
    lab.edge.rule(STATISTICS, Status(status))
    assert lab.cycle("capacity") == []
    assert known(lab, alpha) == expected.capacities(alpha) | {"source": "placement"}


def test_not_where_nova_is_only_ill(lab: Lab, alpha: Double) -> None:
    lab.cycle("capacity")
    before = expected.known_capacity(lab.store, alpha)
    for status in (500, 503, 401, 429):
        with lab.edge.during(STATISTICS, Status(status)):
            (said,) = lab.cycle("capacity", after=SOON)
        assert "Nova's hypervisor statistics: " in said
        assert str(status) in said
        assert lab.asked("/placement") == 0
        assert expected.known_capacity(lab.store, alpha) == before


def test_nova_alone(lab: Lab) -> None:
    double = lab.double(openstats={"capacity_source": "nova"})
    lab.edge.rule(STATISTICS, Status(404))
    (said,) = lab.cycle("capacity")
    assert "Nova's hypervisor statistics: HTTP 404" in said
    assert lab.asked("/placement") == 0
    assert known(lab, double) == {}


NOTHING = dict.fromkeys(("vcpus", "vcpus_used", "memory_mb", "memory_mb_used"), 0)


@pytest.mark.parametrize("is_known", [False, True])
@pytest.mark.parametrize("said", [NOTHING, {"vcpus": 0}, {"memory_mb_used": 0}, {"memory_mb": 1}])
def test_statistics_of_less_than_is_listed_are_not_believed(
    lab: Lab, alpha: Double, said: dict[str, int], is_known: bool
) -> None:
    lab.cycle("instances", *(["capacity"] if is_known else []))
    before = known(lab, alpha)
    with lab.edge.during(STATISTICS, document_part("hypervisor_statistics", **said)):
        if said == {"memory_mb": 1} and not is_known:
            # Nobody knows yet that this is less than it was.
            return
        (error,) = lab.cycle("capacity", after=SOON)
    name = next(iter(said))
    number = expected.capacities(alpha)[name]
    assert f"{name} is {said[name]} in Nova's hypervisor statistics, but {number} in its" in error
    assert known(lab, alpha) == before
    assert lab.cycle("capacity", after=SOON) == []
    assert lab.asked("os-hypervisors") == 1


def test_hypervisors_that_are_gone_are_no_contradiction(lab: Lab, alpha: Double) -> None:
    lab.cycle()
    alpha.disable_service("compute-0001")
    assert lab.cycle("capacity", after=SOON) == []
    assert lab.asked("os-hypervisors/detail") == 1
    assert known(lab, alpha) == expected.capacities(alpha) | {"source": "nova"}


def test_statistics_serve_where_hypervisors_may_not_be_listed(lab: Lab, alpha: Double) -> None:
    lab.cycle()
    alpha.disable_service("compute-0001")
    with lab.edge.during("os-hypervisors/detail", Status(403)):
        assert lab.cycle("capacity", after=SOON) == []
    assert known(lab, alpha) == expected.capacities(alpha) | {"source": "nova"}


def test_a_nova_of_the_future(lab: Lab, alpha: Double) -> None:
    """One that has dropped hypervisor statistics with the microversions that had them."""
    lab.edge.rule(r"/compute/v2\.1$", document_part("version", min_version="2.88"))
    errors = lab.cycle()
    said = "alpha: compute serves microversions 2.88 to 2.96, openstats supports 2.47 to 2.87"
    assert set(errors) == {said}
    assert lab.outcome("capacity").error is None
    assert known(lab, alpha)["source"] == "placement"
    assert lab.outcome("instances").error == lab.outcome("quotas").error == said


@pytest.mark.parametrize("newest", [(2, 47), (2, 60), (2, 87), (2, 88)])
def test_novas_that_are_spoken(lab: Lab, newest: tuple[int, int]) -> None:
    double = lab.double(compute_max=newest)
    assert lab.cycle("discovery", "instances", "capacity") == []
    assert known(lab, double) == expected.capacities(double) | {"source": "nova"}
    assert expected.servers(lab.store) == set(double.state.servers)


@pytest.mark.parametrize("action", [Status(500), Status(503), Garbage(b"<html>")])
def test_a_nova_that_does_not_tell_its_versions_is_ill(
    lab: Lab, alpha: Double, action: Any
) -> None:
    """It is not too old, and no reason to ask Placement."""
    lab.edge.rule(r"/compute/(v2\.1)?/?$", action)
    (said,) = lab.cycle("capacity")
    assert "compute" in said
    assert "speaks" not in said
    assert lab.asked("/placement") == 0


# -- Placement


@pytest.fixture
def placed(lab: Lab) -> Double:
    """A settled cloud of which Placement is asked."""
    double = lab.double(openstats=PLACEMENT)
    assert lab.cycle("discovery", "instances", "capacity") == []
    return double


def test_placement(lab: Lab) -> None:
    double = lab.double(openstats=PLACEMENT)
    double.add_hypervisor("dedicated", vcpus=8, pcpus=16)
    assert lab.cycle("capacity") == []
    assert lab.asked("/compute/.*os-hypervisors") == 0
    assert lab.asked(PROVIDER) == 2 * 3
    figures = expected.capacities(double)
    # Nova leaves dedicated processors out of what there is.
    assert known(lab, double) == figures | {"source": "placement", "vcpus": figures["vcpus"] + 16}


def test_unchanged_providers_are_not_read_again(lab: Lab, placed: Double) -> None:
    assert lab.cycle("capacity", after=SOON) == []
    assert lab.asked("resource_providers") == 3
    at = expected.known_capacity(lab.store, placed)["at"]
    assert at == lab.clock.now


def test_a_generation_that_changed(lab: Lab, placed: Double) -> None:
    tenant = next(iter(placed.state.servers.values())).tenant_id
    host = placed.boot(tenant, LARGE).hypervisor_id
    # Nova is not asked: the generation alone tells.
    assert lab.cycle("capacity", after=SOON) == []
    assert lab.asked(PROVIDER) == lab.asked(rf"resource_providers/{host}/") == 2
    assert known(lab, placed).items() >= expected.capacities(placed).items()


def test_a_deleted_server_changes_no_generation(lab: Lab, placed: Double) -> None:
    key, server = next(iter(placed.state.servers.items()))
    before = known(lab, placed)
    placed.delete_server(key)
    assert lab.cycle("capacity") == []
    assert known(lab, placed) == before
    assert lab.cycle("instances", "capacity", after=SOON) == []
    assert lab.asked(PROVIDER) == lab.asked(rf"resource_providers/{server.hypervisor_id}/") == 2
    assert known(lab, placed).items() >= expected.capacities(placed).items()
    assert lab.cycle("capacity") == []
    assert lab.asked(PROVIDER) == 0


def test_a_server_that_moved(lab: Lab, placed: Double) -> None:
    """Where it was is read as well as where it is."""
    server = next(iter(placed.state.servers.values()))
    placed.state.occupy(server, -1)
    other = next(h for h in placed.state.hypervisors if h != server.hypervisor_id)
    server.hypervisor_id, server.updated = other, lab.clock.now
    placed.state.occupy(server)
    assert lab.cycle("instances", "capacity", after=SOON) == []
    assert lab.asked(PROVIDER) == 4
    assert known(lab, placed).items() >= expected.capacities(placed).items()


def test_a_disabled_service(lab: Lab, placed: Double) -> None:
    nested = next(iter(placed.state.providers))
    vgpu = {"VGPU": placed.state.providers[nested].inventories["VCPU"]}
    placed.add_provider("pgpu", vgpu, parent=nested)
    for switch in (placed.disable_service, placed.enable_service):
        switch("compute-0000")
        assert lab.cycle("capacity", after=SOON) == []
        assert known(lab, placed).items() >= expected.capacities(placed).items()


def test_a_provider_that_is_gone(lab: Lab, placed: Double) -> None:
    key, gone = next(iter(placed.state.hypervisors.items()))
    for server in [k for k, s in placed.state.servers.items() if s.hypervisor_id == key]:
        placed.delete_server(server)
    assert lab.cycle("instances", after=SOON) == []
    del placed.state.hypervisors[key], placed.state.providers[key]
    assert lab.cycle("capacity") == []
    assert known(lab, placed).items() >= expected.capacities(placed).items()
    assert lab.sql(f"SELECT count(*) FROM provider WHERE name = '{gone.name}'") == [(0,)]


def test_providers_grow_old(lab: Lab, placed: Double) -> None:
    provider = next(iter(placed.state.providers.values()))
    # A ratio or an allocation that changed behind everybody's back.
    provider.usages["VCPU"] += 5
    assert lab.cycle("capacity", after=1799) == []
    assert lab.asked(PROVIDER) == 0
    assert lab.cycle("capacity", after=1) == []
    assert lab.asked(PROVIDER) == 4


def test_full_reads_all_providers(lab: Lab, placed: Double) -> None:
    assert lab.cycle("capacity", after=SOON, full=True) == []
    assert lab.asked(PROVIDER) == 4


def test_both_sources_agree_through_a_life(lab: Lab, alpha: Double) -> None:
    tenant = next(iter(alpha.state.servers.values())).tenant_id
    alpha.boot(tenant, LARGE, image=None)
    alpha.disable_service("compute-0001")
    lab.cycle("capacity")
    told = known(lab, alpha)
    lab.configure(**PLACEMENT)
    assert lab.cycle("capacity", after=SOON) == []
    assert known(lab, alpha) == told | {"source": "placement"}
    lab.configure(capacity_source="auto")
    alpha.boot(tenant, SMALL)
    assert lab.cycle("capacity", after=SOON) == []
    assert known(lab, alpha) == expected.capacities(alpha) | {"source": "nova"}
