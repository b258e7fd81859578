"""Providers that vanish or contradict themselves, and servers that quotas count."""

import json
from typing import Any

import pytest

from tests.collector import expected
from tests.collector.lab import SMALL, SOON, Lab
from tests.collector.odd import first_item, hidden, only
from tests.double import Double, Size
from tests.edge import Garbage

LIST, TRAIT = r"/resource_providers(\?|$)", "/resource_providers.required="


@pytest.fixture
def known(lab: Lab) -> Double:
    """A cloud with eight hypervisors, of which one is disabled, which was read."""
    double = lab.double(size=Size(projects=4, servers=16, volumes=4, hypervisors=8))
    double.disable_service("compute-0007")
    assert lab.cycle() == []
    lab.clock.advance(SOON)
    return double


def providers(lab: Lab) -> list[tuple[Any, ...]]:
    """Return what is known of providers and what they have."""
    found = lab.sql("SELECT uuid, disabled, sharing, zone FROM provider ORDER BY uuid")
    return [*found, *lab.sql("SELECT provider, resource_class, total FROM inventory ORDER BY 1, 2")]


@pytest.mark.parametrize("number", [0, 5, 7])
def test_a_part_of_the_providers_is_no_list(lab: Lab, known: Double, number: int) -> None:
    before = providers(lab)
    with lab.edge.during(LIST, only("resource_providers", number)):
        for full in (True, False):
            (said,) = lab.cycle("providers", after=SOON, full=full)
            assert (
                f"list of providers is cut: it leaves out {8 - number} of the known providers, but "
                in said
            )
    assert providers(lab) == before
    assert lab.cycle("providers", after=SOON) == []


@pytest.mark.parametrize("is_known", [False, True])
@pytest.mark.parametrize("trait", ["COMPUTE_STATUS_DISABLED", "MISC_SHARES_VIA_AGGREGATE"])
def test_a_trait_that_its_list_leaves_out_is_an_error(lab: Lab, trait: str, is_known: bool) -> None:
    """Also where nothing is known of the cloud, or all has another generation than before."""
    double = lab.double(size=Size(projects=1, servers=1, hypervisors=3))
    double.disable_service("compute-0001")
    disk = {"DISK_GB": {"total": 5000, "reserved": 0, "allocation_ratio": 1.0}}
    double.add_provider("pool", disk, ["MISC_SHARES_VIA_AGGREGATE"])
    if is_known:
        assert lab.cycle() == []
        for provider in double.state.providers.values():
            provider.generation += 1
    before = providers(lab)
    with lab.edge.during(f"required={trait}", only("resource_providers", 0)):
        (said,) = lab.cycle("providers", after=SOON)
        name = "compute-0001" if "DISABLED" in trait else "pool"
        assert f"Placement's list of providers with {trait} is cut: it leaves out {name}" in said
    assert providers(lab) == before
    assert lab.cycle("providers", after=SOON) == []
    assert lab.asked("/traits") == 0


def test_a_placement_that_is_older_than_a_trait_has_it_nowhere(lab: Lab) -> None:
    double = lab.double(size=Size(projects=1, servers=1, hypervisors=3))
    double.disable_service("compute-0001")
    for provider in double.state.providers.values():
        provider.traits.discard("COMPUTE_STATUS_DISABLED")
    assert lab.cycle("providers") == []
    assert lab.asked("/traits") == 1
    assert lab.cycle("providers", after=SOON) == []
    assert lab.asked("/traits") == 0


def remove_hypervisors(lab: Lab, double: Double, number: int) -> None:
    """Take hypervisors away, with the servers that are on them."""
    keys = list(double.state.hypervisors)[:number]
    for key, server in list(double.state.servers.items()):
        if server.hypervisor_id in keys:
            double.delete_server(key)
    assert lab.cycle("instances") == []
    for key in keys:
        del double.state.services[double.state.hypervisors.pop(key).host]
        del double.state.providers[key]


def test_providers_that_are_gone_are_asked_for_by_their_ids(lab: Lab, known: Double) -> None:
    remove_hypervisors(lab, known, 2)
    assert lab.cycle("providers", after=SOON) == []
    assert lab.asked("/resource_providers/[^/]*$") == 2
    assert len(lab.sql("SELECT uuid FROM provider")) == 6


def test_too_many_providers_that_are_gone_at_once(lab: Lab, known: Double) -> None:
    remove_hypervisors(lab, known, 3)
    for _ in range(2):
        (said,) = lab.cycle("providers", after=SOON)
        assert "3 of 8 providers are gone at once" in said
    assert lab.cycle("providers", after=SOON) == []
    assert len(lab.sql("SELECT uuid FROM provider")) == 5


@pytest.mark.parametrize("trait", ["COMPUTE_STATUS_DISABLED", "MISC_SHARES_VIA_AGGREGATE"])
def test_traits_that_vanish_at_the_same_generation(lab: Lab, known: Double, trait: str) -> None:
    before = providers(lab)
    every = [{"uuid": key} for key in known.state.providers]
    odd = [] if trait == "COMPUTE_STATUS_DISABLED" else every
    document = json.dumps({"resource_providers": odd}).encode()
    with lab.edge.during(f"required={trait}", Garbage(document)):
        (said,) = lab.cycle("providers", after=SOON)
    assert "Placement shows other traits of provider compute-000" in said
    assert providers(lab) == before


def test_inventories_that_vanish_at_the_same_generation(lab: Lab, known: Double) -> None:
    before = providers(lab)
    nothing = Garbage(b'{"inventories": {}, "usages": {}}')
    with lab.edge.during("/(inventories|usages)$", nothing):
        (said,) = lab.cycle("providers", after=SOON, full=True)
    assert "Placement shows other inventories of provider compute-000" in said
    assert providers(lab) == before


@pytest.mark.parametrize("values", [{"name": None}, {"generation": None}, {"uuid": None}])
def test_one_odd_provider_takes_no_other_along(
    lab: Lab, known: Double, values: dict[str, Any]
) -> None:
    before = providers(lab)
    with lab.edge.during(r"/resource_providers$", first_item("resource_providers", **values)):
        (said,) = lab.cycle("providers", after=SOON)
    assert "alpha: 1 provider cannot be read and is left out: provider" in said
    assert providers(lab) == before
    assert lab.outcome("providers").polled_at == int(lab.clock.now)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b'{"services": []}', "8 of 8 zones of providers are gone at once"),
        (b'{"services": 5}', "Nova's services"),
    ],
)
def test_zones_stay_where_nova_lists_no_services(
    lab: Lab, known: Double, answer: bytes, words: str
) -> None:
    before = providers(lab)
    with lab.edge.during("os-services", Garbage(answer)):
        (said,) = lab.cycle("providers", after=SOON)
    assert words in said
    assert providers(lab) == before


def test_one_odd_service_takes_no_other_along(lab: Lab, known: Double) -> None:
    before = providers(lab)
    with lab.edge.during("os-services", first_item("services", zone=None)):
        (said,) = lab.cycle("providers", after=SOON)
    assert "1 service cannot be read and is left out" in said
    assert providers(lab) == before


ALL_SERVERS = "servers/detail(?!.*tenant_id)"


def test_servers_that_quotas_count_are_found_in_pieces(lab: Lab) -> None:
    double = lab.double()
    missing = list(double.state.servers)[:3]
    with lab.edge.during(ALL_SERVERS, hidden("servers", *missing)):
        errors = lab.cycle()
    assert all("Nova's list of all servers left out" in error for error in errors)
    assert len(errors) == 1
    assert expected.servers(lab.store) == set(double.state.servers)
    assert lab.cycle(after=SOON) == []


def test_servers_that_no_list_shows_are_named(lab: Lab) -> None:
    double = lab.double()
    missing = list(double.state.servers)[:1]
    with lab.edge.during("servers/detail", hidden("servers", *missing)):
        for kinds in ((), ("quotas",)):
            (said,) = lab.cycle(*kinds)
            assert "Nova counts 3 servers of tenant" in said
            assert "as in use, and lists 2" in said


def test_a_server_that_came_meanwhile_is_no_contradiction(lab: Lab, known: Double) -> None:
    tenant = next(iter(known.state.servers.values())).tenant_id
    new = known.boot(tenant, SMALL)
    assert lab.cycle("quotas", full=True) == []
    assert new.id in expected.servers(lab.store)
    assert lab.asked("servers/detail") == lab.asked(f"tenant_id={tenant}") == 1


def test_a_hypervisor_with_servers_that_is_no_provider_is_named(lab: Lab, known: Double) -> None:
    key = next(iter(known.state.providers))
    name = known.state.providers.pop(key).name
    (said,) = lab.cycle("providers", after=SOON)
    assert f"Placement lists no provider for 1 of 8 hypervisors with servers: {name}" in said


def test_a_host_of_a_hypervisor_without_its_service_is_named(lab: Lab, known: Double) -> None:
    before = providers(lab)
    with lab.edge.during("os-services", only("services", 7)):
        (said,) = lab.cycle("providers", after=SOON)
    assert "Nova lists no compute service for 1 hosts of hypervisors: compute-0007" in said
    assert providers(lab) == before
