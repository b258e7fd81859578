"""Servers: what changed is read, and what is only absent is not deleted."""

import pytest

from tests.collector import expected
from tests.collector.lab import LARGE, SMALL, SOON, Lab
from tests.collector.odd import hidden
from tests.double import Double, Size
from tests.edge import Status

DAY = 86400
QUOTA = "os-quota-sets"


def servers_of(double: Double, tenant: str) -> list[str]:
    return [key for key, server in double.state.servers.items() if server.tenant_id == tenant]


def test_poll_without_changes_writes_nothing(lab: Lab, settled: Double) -> None:
    assert lab.cycle(after=SOON) == []
    assert lab.asked(QUOTA) == 0
    assert lab.asked("servers/detail") == lab.asked("changes-since") == 1
    # domains, projects; os-services, servers; summary, volumes, snapshots; hypervisors; providers,
    # two traits of them, os-services.
    assert lab.asked() - lab.asked("diagnostics") == 12


def test_one_booted_server(lab: Lab, settled: Double) -> None:
    tenant = next(iter(settled.state.servers.values())).tenant_id
    key = settled.boot(tenant, LARGE).id
    assert lab.cycle(after=SOON) == []
    assert key in expected.servers(lab.store)
    assert lab.asked(QUOTA) == lab.asked(rf"{QUOTA}/{tenant}") == 2
    assert expected.known_quotas(lab.store) == expected.quotas(settled)
    assert lab.cycle(after=SOON) == []
    assert lab.asked(QUOTA) == 0


@pytest.mark.parametrize("status", ["DELETED", "SOFT_DELETED"])
def test_one_deleted_server(lab: Lab, settled: Double, status: str) -> None:
    key, server = next(iter(settled.state.servers.items()))
    if status == "DELETED":
        settled.delete_server(key)
    else:
        settled.set_status(key, status)
    assert lab.cycle(after=SOON) == []
    assert key not in expected.servers(lab.store)
    assert lab.asked(QUOTA) == lab.asked(rf"{QUOTA}/{server.tenant_id}") == 2


def test_a_resized_server(lab: Lab, settled: Double) -> None:
    key, server = next(iter(settled.state.servers.items()))
    settled.resize(key, LARGE)
    assert lab.cycle(after=SOON) == []
    assert lab.asked(QUOTA) == lab.asked(rf"{QUOTA}/{server.tenant_id}") == 2
    found = lab.sql(f"SELECT vcpus, ram, disk FROM instance WHERE uuid = '{key}'")
    assert found == [(4, 8192, (80 + 10) * 1024 + 1024)]


def test_a_server_without_an_image_has_its_root_elsewhere(lab: Lab, settled: Double) -> None:
    key, server = next(iter(settled.state.servers.items()))
    server.image = None
    settled.resize(key, LARGE)
    assert lab.cycle(after=SOON) == []
    assert lab.sql(f"SELECT disk FROM instance WHERE uuid = '{key}'") == [(10 * 1024 + 1024,)]


def test_a_server_of_unknown_status_exists_while_its_cell_answers(
    lab: Lab, settled: Double
) -> None:
    key, server = next(iter(settled.state.servers.items()))
    settled.set_status(key, "UNKNOWN")
    booted = settled.boot(server.tenant_id, SMALL, status="UNKNOWN").id
    assert lab.cycle(after=SOON) == []
    status = "SELECT count(*) FROM instance WHERE status = 'UNKNOWN'"
    assert lab.sql(status) == [(2,)]
    assert {key, booted} <= expected.servers(lab.store)


def test_another_name_costs_nobody_a_quota_call(lab: Lab, settled: Double) -> None:
    server = next(iter(settled.state.servers.values()))
    server.name, server.updated = "renamed", lab.clock.now
    assert lab.cycle(after=SOON) == []
    assert lab.asked(QUOTA) == 0
    assert lab.sql(f"SELECT name FROM instance WHERE uuid = '{server.id}'") == [("renamed",)]


def test_changes_come_in_pages(lab: Lab) -> None:
    double = lab.double(max_limit=3)
    lab.cycle()
    lab.cycle(after=SOON)
    tenant = next(iter(double.state.servers.values())).tenant_id
    for key in servers_of(double, tenant)[:2]:
        double.delete_server(key)
    for _ in range(5):
        double.boot(tenant, SMALL)
    assert lab.cycle("instances", after=SOON) == []
    assert lab.asked("changes-since") == 3
    assert expected.servers(lab.store) == set(double.state.servers)


def test_changes_under_clock_skew_are_not_missed(lab: Lab, settled: Double) -> None:
    """The cloud's clock is behind: its change has a time before the last poll."""
    tenant = next(iter(settled.state.servers.values())).tenant_id
    key = settled.boot(tenant, SMALL, created=lab.clock.now - 100).id
    assert lab.cycle("instances", after=SOON) == []
    assert key in expected.servers(lab.store)


def test_everything_is_swept_when_the_last_sweep_is_old(lab: Lab, settled: Double) -> None:
    assert lab.cycle("instances", after=DAY - SOON) == []
    assert lab.asked("servers/detail") == 1
    assert lab.cycle("instances", after=SOON) == []
    assert lab.asked("servers/detail") == 2
    assert lab.cycle("instances", after=SOON) == []
    assert lab.asked("servers/detail") == 1


def test_full_reads_everything(lab: Lab, settled: Double) -> None:
    assert lab.cycle(full=True, after=SOON) == []
    assert lab.asked("servers/detail") == 2
    assert lab.asked(QUOTA) == 8
    assert lab.asked(r"volumes/detail\S*limit=1000") == 1


# -- tenants that no discovery has shown


def test_a_server_of_a_new_tenant_makes_discovery_due(lab: Lab, settled: Double) -> None:
    tenant = settled.create_project("newcomer").id
    settled.boot(tenant, SMALL)
    assert lab.cycle("instances", after=SOON) == []
    assert lab.job("discovery", "next_at") == lab.clock.now
    assert lab.cycle("discovery") == []
    assert lab.sql(f"SELECT name FROM project WHERE keystone_id = '{tenant}'") == [("newcomer",)]


def test_a_volume_of_a_new_tenant_makes_discovery_due(lab: Lab, settled: Double) -> None:
    settled.create_volume(settled.create_project("newcomer").id, 1)
    assert lab.cycle("volumes", after=SOON) == []
    assert lab.job("discovery", "next_at") == lab.clock.now


def test_discovery_is_due_a_while_after_the_last_one(lab: Lab, settled: Double) -> None:
    assert lab.cycle("discovery", after=SOON) == []
    settled.boot(settled.create_project("newcomer").id, SMALL)
    assert lab.cycle("instances", after=10) == []
    assert lab.job("discovery", "next_at") == lab.clock.now + 50


def test_a_tenant_that_discovery_does_not_show_makes_it_due_once(lab: Lab, settled: Double) -> None:
    foreign, excluded = "f0" * 16, settled.create_project("stack", "heat").id
    settled.create_domain("heat", id="heat")
    settled.boot(foreign, SMALL)
    settled.boot(excluded, SMALL)
    assert lab.cycle("instances", after=SOON) == []
    assert lab.cycle("discovery") == []
    due = lab.job("discovery", "next_at")
    for tenant in (foreign, excluded) * 3:
        settled.boot(tenant, SMALL)
        assert lab.cycle("instances", after=SOON) == []
        assert lab.job("discovery", "next_at") == due


# -- absence is not deletion


def test_a_server_that_a_sweep_misses_is_asked_for(lab: Lab, settled: Double) -> None:
    key = next(iter(settled.state.servers))
    with lab.edge.during("servers/detail", hidden("servers", key)):
        (said,) = lab.cycle("instances", full=True, after=SOON)
    assert f"list of servers is cut: it leaves out 1 of the known servers, but {key}" in said
    assert lab.asked(f"/servers/{key}") == 1
    assert key in expected.servers(lab.store)
    assert lab.cycle("instances", after=SOON) == []


@pytest.mark.parametrize("soft", [True, False])
def test_a_server_that_went_unseen_is_gone_when_asked_for(
    lab: Lab, settled: Double, soft: bool
) -> None:
    """No poll saw it in ``changes-since``: it was gone from there when the next one came."""
    key, server = next(iter(settled.state.servers.items()))
    if soft:
        settled.set_status(key, "SOFT_DELETED")
    else:
        settled.delete_server(key)
    with lab.edge.during("servers/detail", hidden("servers", key)):
        assert lab.cycle(after=SOON) == []
        assert key in expected.servers(lab.store)
        assert lab.cycle(after=DAY) == []
    assert lab.asked(f"/servers/{key}") == 1
    assert key not in expected.servers(lab.store)
    assert lab.asked(rf"{QUOTA}/{server.tenant_id}") == 2


@pytest.mark.parametrize("status", [500, 403, 503])
def test_only_404_says_that_it_is_gone(lab: Lab, settled: Double, status: int) -> None:
    key = next(iter(settled.state.servers))
    lab.edge.rule("servers/detail", hidden("servers", key))
    lab.edge.rule(f"/servers/{key}", Status(status))
    (error,) = lab.cycle("instances", full=True, after=SOON)
    assert f"Nova's server {key}: HTTP {status}" in error
    assert key in expected.servers(lab.store)


# -- cells that are down


@pytest.fixture
def celled(lab: Lab) -> Double:
    """A settled cloud with two cells; three servers are in the second."""
    double = lab.double(size=None)
    tenant = double.create_project("acme").id
    hosts = [double.add_hypervisor(f"compute-{n}", cell=f"cell{n}").id for n in (1, 2)]
    for number in range(6):
        double.boot(tenant, SMALL, hypervisor=hosts[number % 2])
    assert lab.cycle() == []
    return double


@pytest.mark.parametrize("full", [True, False])
def test_a_cell_that_is_down_deletes_nothing(lab: Lab, celled: Double, full: bool) -> None:
    before = expected.servers(lab.store), expected.known_quotas(lab.store)
    celled.set_cell_down("cell2")
    errors = lab.cycle("instances", "quotas", after=1800, full=full)
    said = "alpha: Nova leaves out the servers of cells that are down (hosts: compute-2); "
    said += "previous figures are kept"
    assert errors == [
        said,
        "alpha: cells of Nova are down (hosts: compute-2); previous quotas are kept",
    ]
    assert lab.outcome("instances").error == said
    assert (expected.servers(lab.store), expected.known_quotas(lab.store)) == before
    assert lab.asked(QUOTA) == 0
    celled.set_cell_down("cell2", False)
    assert lab.cycle() == []
    assert lab.outcome("instances").error is None


def test_the_poll_after_begins_where_the_last_whole_one_ended(lab: Lab, celled: Double) -> None:
    tenant = next(iter(celled.state.servers.values())).tenant_id
    hosts = {h.cell: h.id for h in celled.state.hypervisors.values()}
    celled.set_cell_down("cell2")
    there = celled.boot(tenant, SMALL, hypervisor=hosts["cell1"]).id
    missed = celled.boot(tenant, SMALL, hypervisor=hosts["cell2"]).id
    gone = next(k for k, s in celled.state.servers.items() if s.cell == "cell2" and k != missed)
    celled.delete_server(gone)
    for _ in range(3):
        assert len(lab.cycle("instances", after=SOON)) == 1
    # What can be seen is seen all the same.
    assert there in expected.servers(lab.store)
    assert gone in expected.servers(lab.store)
    celled.set_cell_down("cell2", False)
    assert lab.cycle(after=SOON) == []
    assert lab.asked("servers/detail") == 1
    assert expected.servers(lab.store) == set(celled.state.servers)
    assert expected.known_quotas(lab.store) == expected.quotas(celled)


def test_a_cell_that_no_service_tells_of(lab: Lab, celled: Double) -> None:
    """Only the plain list tells of servers in a cell in which nothing ever ran, or no more."""
    celled.state.services["compute-2"].cell = None
    celled.set_cell_down("cell2")
    before = expected.servers(lab.store)
    (error,) = lab.cycle("instances", full=True, after=SOON)
    assert "cells that are down (hosts: cell0)" in error
    assert expected.servers(lab.store) == before


def test_the_first_poll_waits_for_all_cells(lab: Lab) -> None:
    double = lab.double()
    double.add_hypervisor("other", cell="cell2")
    double.set_cell_down("cell2")
    lab.cycle("discovery")
    assert len(lab.cycle("instances")) == 1
    double.set_cell_down("cell2", False)
    assert lab.cycle("instances", after=SOON) == []
    dated = lab.sql("SELECT count(*) FROM project WHERE created_at IS NOT NULL")
    assert dated == [(4,)]


def test_old_nova_hides_cells_and_still_nothing_is_deleted(lab: Lab) -> None:
    """Before 2.69 nobody says that a cell is down: the sweep asks for what it misses."""
    double = lab.double(compute_max=(2, 60))
    tenant = next(iter(double.state.servers.values())).tenant_id
    other = double.add_hypervisor("other", cell="cell2").id
    key = double.boot(tenant, SMALL, hypervisor=other).id
    assert lab.cycle() == []
    double.set_cell_down("cell2")
    assert lab.cycle("instances", after=SOON) == []
    assert lab.asked("os-services") == 0
    (error,) = lab.cycle("instances", full=True, after=SOON)
    assert f"Nova's server {key}: HTTP 500" in error
    assert key in expected.servers(lab.store)
    double.set_cell_down("cell2", False)
    assert lab.cycle("instances", full=True, after=SOON) == []
    assert expected.servers(lab.store) == set(double.state.servers)


def test_compute_hosts_are_counted_by_state(lab: Lab) -> None:
    double = lab.double(size=Size(projects=1, servers=0, volumes=0, hypervisors=4))
    first, second = [host.host for host in list(double.state.hypervisors.values())[:2]]
    double.set_service_up(first, up=False)
    double.disable_service(second)
    assert lab.cycle() == []
    assert lab.sql("SELECT up, down, disabled FROM compute_hosts") == [(2, 1, 1)]
    double.set_service_up(first, up=True)
    assert lab.cycle("instances", after=SOON) == []
    assert lab.sql("SELECT up, down, disabled FROM compute_hosts") == [(3, 0, 1)]
