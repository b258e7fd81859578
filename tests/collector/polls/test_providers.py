"""Placement's providers beside Nova's figures: what can be given away, and in which zone."""

from typing import Any

import pytest

from openstats.statistics.resource import by_class, by_zone
from openstats.storage.inventory import resource_providers
from tests.collector import expected
from tests.collector.lab import LARGE, SOON, Lab
from tests.double import Double
from tests.edge import Garbage, Status

PROVIDER = r"resource_providers/\S+/(inventories|usages)"
SERVICES, DETAIL = "os-services", "os-hypervisors/detail"
SHARED = {"DISK_GB": {"total": 5000, "reserved": 0, "allocation_ratio": 1.0}}


def classes(lab: Lab) -> dict[str, Any]:
    with lab.store.read() as db:
        (held,) = resource_providers.inventories(db).values()
    return by_class(held)


def zones(lab: Lab) -> dict[str, Any]:
    with lab.store.read() as db:
        (held,) = resource_providers.inventories(db).values()
    return by_zone(held)


def used(lab: Lab) -> dict[str, Any]:
    return {name: figures["used"] for name, figures in classes(lab).items()}


def shared(lab: Lab) -> list[tuple[Any, ...]]:
    return lab.sql("SELECT name FROM provider WHERE sharing ORDER BY name")


def taken(double: Double) -> dict[str, int]:
    found = double.state.providers.values()
    return {name: sum(p.usages[name] for p in found) for name in ("VCPU", "MEMORY_MB", "DISK_GB")}


@pytest.mark.parametrize("source", ["auto", "nova", "placement"])
def test_providers_are_read_whatever_tells_the_figures(lab: Lab, source: str) -> None:
    double = lab.double(openstats={"capacity_source": source})
    assert lab.cycle("capacity", "providers") == []
    told = "placement" if source == "placement" else "nova"
    assert expected.known_capacity(lab.store, double)["source"] == told
    assert lab.asked("/resource_providers$") == 1
    assert used(lab) == taken(double)
    assert classes(lab)["VCPU"] == {
        "total": 512,
        "reserved": 0,
        "used": taken(double)["VCPU"],
        "allocation_ratio": 4.0,
        "effective": 2048,
    }


def test_a_cycle_in_which_nothing_changed_costs_four_calls(lab: Lab, alpha: Double) -> None:
    lab.cycle("instances", "providers")
    assert lab.cycle("providers", after=SOON) == []
    assert lab.asked() == 4
    assert lab.asked(PROVIDER) == lab.asked(DETAIL) == 0


def test_where_servers_came_and_went_is_read_again(lab: Lab, alpha: Double) -> None:
    lab.cycle("discovery", "instances", "providers")
    key, server = next(iter(alpha.state.servers.items()))
    alpha.boot(server.tenant_id, LARGE, hypervisor=server.hypervisor_id)
    alpha.delete_server(key)
    assert lab.cycle("instances", "providers", after=SOON) == []
    assert lab.asked(PROVIDER) == 2
    assert used(lab) == taken(alpha)


@pytest.mark.parametrize("action", [Status(500), Status(503), Garbage(b"[]")])
def test_a_placement_that_fails_leaves_novas_figures(
    lab: Lab, alpha: Double, action: Any, caplog: pytest.LogCaptureFixture
) -> None:
    lab.cycle("capacity", "providers")
    before = classes(lab), zones(lab)
    alpha.disable_service("compute-0001")
    lab.edge.rule("/resource_providers", action)
    (said,) = lab.cycle("capacity", "providers", after=SOON, full=True)
    assert said.startswith("alpha: Placement's /resource_providers")
    assert f"providers of {said}" in caplog.text
    assert lab.outcome("capacity").error is None
    known = expected.known_capacity(lab.store, alpha)
    assert known.items() >= {**expected.capacities(alpha), "at": lab.clock.now}.items()
    assert (classes(lab), zones(lab)) == before


def test_a_placement_that_refuses_is_told_of_and_no_error(
    lab: Lab, alpha: Double, caplog: pytest.LogCaptureFixture
) -> None:
    lab.cycle("providers")
    before = classes(lab), zones(lab)
    lab.edge.rule("/resource_providers", Status(403))
    assert lab.cycle("providers", after=SOON, full=True) == []
    assert (classes(lab), zones(lab)) == before
    assert caplog.text.count("previous providers of alpha are kept: alpha: Placement's") == 1


def test_a_cloud_without_placement_is_not_ill(
    lab: Lab, alpha: Double, caplog: pytest.LogCaptureFixture
) -> None:
    catalog = alpha.site.catalog
    catalog[:] = [endpoint for endpoint in catalog if endpoint.type != "placement"]
    assert lab.cycle("capacity", "providers") == []
    assert expected.known_capacity(lab.store, alpha)["source"] == "nova"
    assert "Placement" not in caplog.text
    lab.configure(capacity_source="placement")
    (said,) = lab.cycle("capacity")
    assert "not in the catalog of its region" in said


# -- zones


@pytest.fixture
def two(lab: Lab) -> Double:
    """A cloud with a hypervisor in another zone than the others, and something below it."""
    double = lab.double()
    far = double.add_hypervisor("far", vcpus=8, cpu_ratio=2.0, zone="south")
    double.add_provider("gpu", {"VGPU": dict(SHARED["DISK_GB"], total=4)}, parent=far.id)
    return double


def test_zones_by_services_alone(lab: Lab, two: Double) -> None:
    assert lab.cycle("providers") == []
    found = zones(lab)
    assert set(found) == {"nova", "south"}
    assert (found["nova"]["VCPU"]["total"], found["south"]["VCPU"]["effective"]) == (512, 16)
    assert found["south"]["VGPU"]["total"] == 4
    assert "VGPU" not in found["nova"]
    assert classes(lab)["VCPU"]["allocation_ratio"] is None
    assert (lab.asked(SERVICES), lab.asked(DETAIL)) == (1, 0)


def test_hypervisors_whose_names_are_not_their_hosts(lab: Lab) -> None:
    double = lab.double(max_limit=2)
    for number in range(3):
        double.add_hypervisor(f"far{number}", zone="south")
    for hypervisor in double.state.hypervisors.values():
        hypervisor.name = hypervisor.provider.name = f"{hypervisor.host}.example.com"
    assert lab.cycle("providers") == []
    assert {name: held["VCPU"]["total"] for name, held in zones(lab).items()} == {
        "nova": 512,
        "south": 192,
    }
    # Pages of two.
    assert lab.asked(DETAIL) == 3


def test_a_provider_that_shares_is_in_no_zone_and_costs_no_call(lab: Lab, two: Double) -> None:
    two.add_provider("pool", SHARED, ["MISC_SHARES_VIA_AGGREGATE"])
    assert lab.cycle("providers") == []
    assert lab.asked(DETAIL) == 0
    assert shared(lab) == [("pool",)]
    of_zones = sum(held["DISK_GB"]["total"] for held in zones(lab).values())
    assert classes(lab)["DISK_GB"]["total"] == of_zones + 5000


@pytest.mark.parametrize("status", [403, 404])
def test_a_refusal_leaves_zones_out(
    lab: Lab, two: Double, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    lab.edge.rule(SERVICES, Status(status))
    assert lab.cycle("providers", after=SOON) == []
    assert zones(lab) == {}
    assert "availability zones of alpha: alpha: Nova's services: HTTP" in caplog.text
    assert used(lab) == taken(two) | {"VGPU": 0}


def test_zones_stay_where_nova_does_not_tell_them(lab: Lab, two: Double) -> None:
    lab.cycle("providers")
    before = zones(lab)
    for status in (500, 403):
        with lab.edge.during(SERVICES, Status(status)):
            (said,) = lab.cycle("providers", after=SOON)
        assert f"Nova's services: HTTP {status}" in said
        assert zones(lab) == before
    two.set_cell_down("cell1")
    assert len(lab.cycle("providers", after=SOON)) == 1
    assert zones(lab) == before


def test_a_host_that_moved_to_another_zone(lab: Lab, two: Double) -> None:
    lab.cycle("providers")
    two.state.services["far"].zone = "west"
    assert lab.cycle("providers", after=SOON) == []
    assert set(zones(lab)) == {"nova", "west"}
    assert lab.asked(PROVIDER) == 0
