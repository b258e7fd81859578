"""Quotas: two calls for each tenant that is due, and one's failure spoils one."""

from typing import Any

import pytest

from openstats.collector.polls.checks.undercounts import MAX_REQUESTED
from tests.collector import expected
from tests.collector.lab import SMALL, SOON, Lab
from tests.collector.odd import changed
from tests.double import Double, Size
from tests.edge import Rewrite, Status

QUOTA = "os-quota-sets"
MANY = Size(projects=16, servers=16, volumes=0, hypervisors=1)


def nova(tenant: str) -> str:
    return rf"/compute/\S*{QUOTA}/{tenant}"


def cinder(tenant: str) -> str:
    return rf"/volume/\S*{QUOTA}/{tenant}"


def error(lab: Lab, tenant: str) -> str | None:
    query = "SELECT q.error FROM quota q JOIN tenant t ON t.id = q.tenant_id"
    ((found,),) = lab.sql(f"{query} WHERE t.tenant_id = '{tenant}'")
    return found


def change_everything(double: Double) -> None:
    for tenant in list(double.state.projects)[2:]:
        double.boot(tenant, SMALL)
        double.create_volume(tenant, 1)


def test_only_tenants_of_customers_are_asked_for(lab: Lab, alpha: Double) -> None:
    assert lab.cycle() == []
    mine = [p.id for p in alpha.state.projects.values() if p.name not in ("admin", "service")]
    assert lab.asked(QUOTA) == 2 * len(mine)
    assert all(lab.asked(rf"{QUOTA}/{tenant}") == 2 for tenant in mine)


def test_quotas_grow_old(lab: Lab, alpha: Double) -> None:
    lab.use(quota_max_age=3600)
    lab.cycle()
    tenant = next(iter(expected.quotas(alpha)))
    # Limits change without a trace in servers or volumes.
    alpha.set_quota(tenant, cores=7)
    assert lab.cycle("quotas", after=3599) == []
    assert lab.asked() == 0
    assert lab.cycle("quotas", after=1) == []
    assert lab.asked(QUOTA) == 8
    assert expected.known_quotas(lab.store) == expected.quotas(alpha)


@pytest.mark.parametrize("service", [nova, cinder])
def test_one_tenants_failure_spoils_one_tenant(lab: Lab, alpha: Double, service: Any) -> None:
    lab.cycle()
    before = expected.known_quotas(lab.store)
    change_everything(alpha)
    tenant = next(iter(before))
    with lab.edge.during(service(tenant), Status(500)):
        (said,) = lab.cycle(after=SOON)
    assert said.startswith("alpha: quotas of 1 of 4 tenants were not read in full; one reason: ")
    assert said == lab.outcome("quotas").error
    assert f"quotas of {tenant}: HTTP 500" in str(error(lab, tenant))
    found, now = expected.known_quotas(lab.store), expected.quotas(alpha)
    failed = found.pop(tenant)
    assert found == {key: figures for key, figures in now.items() if key != tenant}
    # Storage is the last of the figures; it stays, or it is all that does.
    stays = slice(0, None, 1) if service is nova else slice(3, None, 4)
    assert failed[stays] == before[tenant][stays]
    # It is asked for again, and nobody else is; until then it is not forgotten.
    assert lab.cycle("quotas", after=59) == [said]
    assert lab.asked() == 0
    assert lab.cycle("quotas", after=1) == []
    assert lab.asked(QUOTA) == lab.asked(rf"{QUOTA}/{tenant}") == 2
    assert error(lab, tenant) is None
    assert lab.outcome("quotas").error is None
    assert expected.known_quotas(lab.store) == now


def test_a_poll_that_brought_nothing_failed(lab: Lab, alpha: Double) -> None:
    lab.cycle()
    tenant = next(iter(expected.quotas(alpha)))
    alpha.boot(tenant, SMALL)
    polled_at = lab.outcome("quotas").polled_at
    with lab.edge.during(nova(tenant), Status(503, {"Retry-After": "900"})):
        (said,) = lab.cycle("instances", "quotas", after=SOON)
    assert said.startswith(f"alpha: Nova's quotas of {tenant}: HTTP 503")
    assert lab.outcome("quotas").polled_at == polled_at


def test_a_project_that_keystone_no_longer_has(lab: Lab, alpha: Double) -> None:
    lab.cycle()
    tenant = next(iter(expected.quotas(alpha)))
    alpha.delete_project(tenant)
    assert lab.cycle("quotas", full=True, after=SOON) == []
    # Cinder would give its defaults.
    assert lab.asked(cinder(tenant)) == 0
    assert expected.known_quotas(lab.store)[tenant] == (0,) * 8
    assert error(lab, tenant) is None


def test_another_bad_request_is_no_unknown_project(lab: Lab, alpha: Double) -> None:
    lab.cycle()
    tenant = next(iter(expected.quotas(alpha)))
    before = expected.known_quotas(lab.store)
    body = b'{"badRequest": {"code": 400, "message": "No such thing."}}'
    lab.edge.rule(nova(tenant), Status(400, {"Content-Type": "application/json"}, body))
    assert len(lab.cycle("quotas", full=True, after=SOON)) == 1
    assert expected.known_quotas(lab.store)[tenant] == before[tenant]
    assert "HTTP 400: No such thing." in str(error(lab, tenant))


def test_after_eight_failures_in_a_row_the_cloud_is_given_up(lab: Lab) -> None:
    lab.double(size=MANY)
    lab.use(threads=4)
    assert lab.cycle() == []
    with lab.edge.during(nova(""), Status(500)):
        (said,) = lab.cycle("quotas", after=SOON, full=True)
    # Eight in a row are no single tenant's fault; those that were under way already came too.
    assert 8 <= lab.asked(QUOTA) < 8 + 4
    assert "HTTP 500" in said


def test_a_cloud_that_asks_to_be_left_alone_is_given_up_at_once(lab: Lab) -> None:
    double = lab.double(size=MANY)
    lab.use(threads=4)
    assert lab.cycle() == []
    before = expected.known_quotas(lab.store)
    for server in list(double.state.servers):
        double.delete_server(server)
    with lab.edge.during(nova(""), Status(503, {"Retry-After": "700"}, b"later")):
        (said,) = lab.cycle("instances", "quotas", after=SOON)
    # It asks to be left alone: what was under way already was asked, and nothing more.
    assert 1 <= lab.asked(QUOTA) <= 4
    assert "HTTP 503" in said
    assert expected.known_quotas(lab.store) == before
    assert lab.job("quotas", "next_at") == lab.clock.now + 700
    assert lab.cycle("quotas", after=700) == []
    assert expected.known_quotas(lab.store) == expected.quotas(double)


def test_failures_of_single_tenants_do_not_add_up(lab: Lab) -> None:
    double = lab.double(size=MANY)
    lab.use(threads=1)
    failing = list(expected.quotas(double))[::2]
    lab.edge.rule(nova(f"({'|'.join(failing)})"), Status(500))
    (said,) = lab.cycle()
    assert "quotas of 8 of 16 tenants were not read" in said
    known = expected.known_quotas(lab.store)
    assert {tenant for tenant, held in known.items() if held[0] is None} == set(failing)


def test_limits_of_all_kinds(lab: Lab, alpha: Double) -> None:
    for limit in (-1, 0, 2**31 - 1):
        for tenant in expected.quotas(alpha):
            alpha.set_quota(tenant, cores=limit, ram=limit, instances=limit, gigabytes=limit)
        assert lab.cycle("discovery", "quotas", full=True) == []
        storage = limit * 1024 if limit > 0 else limit
        known = {held[:4] for held in expected.known_quotas(lab.store).values()}
        assert known == {(limit, limit, limit, storage)}


def in_use(number: Any) -> Rewrite:
    """Have a service say that so much is in use, of everything."""

    def change(document: Any) -> None:
        for held in document["quota_set"].values():
            if isinstance(held, dict):
                held["in_use"] = number

    return changed(change)


@pytest.mark.parametrize(("service", "spoilt"), [(nova, (4, 5, 6)), (cinder, (7,))])
def test_a_count_below_zero_is_not_known(
    lab: Lab, alpha: Double, service: Any, spoilt: tuple[int, ...]
) -> None:
    """Nova's driver that counts nothing says -1; Cinder's counters have been seen below zero."""
    with lab.edge.during(service(""), in_use(-1)):
        for _ in range(2):
            (said,) = lab.cycle()
            assert "in_use is -1, not an integer from 0 to" in said
            assert lab.outcome("quotas").polled_at is None
    now = expected.quotas(alpha)
    for tenant, held in expected.known_quotas(lab.store).items():
        assert [n for n in range(4, 8) if held[n] is None] == [*spoilt]
        assert all(held[n] == now[tenant][n] for n in range(4, 8) if n not in spoilt)
    assert lab.cycle("quotas", full=True) == []
    assert expected.known_quotas(lab.store) == now


@pytest.mark.parametrize("service", [nova, cinder])
def test_a_service_that_does_not_count_what_it_lists_is_not_believed(
    lab: Lab, alpha: Double, service: Any
) -> None:
    lab.cycle()
    before = expected.known_quotas(lab.store)
    of_listed = "servers of tenant" if service is nova else "GiB of tenant"
    with lab.edge.during(service(""), in_use(0)):
        for _ in range(2):
            (said,) = lab.cycle("quotas", full=True)
            assert "counts 0 " + of_listed in said
            assert "and lists " in said
    # It is not asked so often as one that does not answer, and not forgotten.
    (again,) = lab.cycle("quotas", after=SOON)
    assert again.startswith("alpha: quotas of 4 of 4 tenants were not read in full; one reason: ")
    assert lab.asked() == 0
    assert expected.known_quotas(lab.store) == before
    assert lab.cycle("quotas", full=True) == []
    assert error(lab, next(iter(before))) is None


def test_a_counter_that_drifted_is_what_the_cloud_says(lab: Lab, alpha: Double) -> None:
    lab.cycle()
    listed = max(held[7] for held in expected.known_quotas(lab.store).values()) // 1024
    with lab.edge.during(cinder(""), in_use(listed // 2 + 1)):
        assert lab.cycle("quotas", full=True) == []
    assert {held[7] for held in expected.known_quotas(lab.store).values()} == {
        1024 * (listed // 2 + 1)
    }


def test_changes_during_a_poll_are_no_contradiction(lab: Lab, alpha: Double) -> None:
    lab.cycle()
    for server in list(alpha.state.servers)[:3]:
        alpha.delete_server(server)
    for volume in list(alpha.state.volumes)[:3]:
        alpha.delete_volume(volume)
    assert lab.cycle("quotas", full=True) == []
    assert lab.asked("tenant_id=|project_id=") > 0
    assert expected.known_quotas(lab.store) == expected.quotas(alpha)
    # Nor is it one to look into again.
    assert lab.cycle("quotas", after=181) == []
    assert lab.asked() == 0


@pytest.mark.parametrize("service", [nova, cinder])
def test_recently_changed_quotas_are_read_again_soon(lab: Lab, alpha: Double, service: Any) -> None:
    """Whoever restores a server, or extends a volume, makes more of it than was counted."""
    lab.cycle()
    lab.clock.advance(SOON)
    for server in alpha.state.servers.values():
        server.updated = lab.clock.now
    for volume in alpha.state.volumes.values():
        volume.updated_at = lab.clock.now
    with lab.edge.during(service(""), in_use(0)):
        assert lab.cycle("quotas", full=True) == []
        # 60 s of retry_interval, 120 of overlap.
        (said,) = lab.cycle("quotas", after=181)
    assert "counts 0 " in said


@pytest.mark.parametrize(
    ("things", "values"),
    [
        ("servers", {"status": "BUILD"}),
        ("servers", {"OS-EXT-STS:task_state": "deleting"}),
        ("volumes", {"consumes_quota": False}),
        ("volumes", {"consumes_quota": None}),
        ("volumes", {"status": "creating"}),
        ("volumes", {"os-vol-mig-status-attr:migstat": "target:1"}),
    ],
)
def test_resources_without_quota_are_no_contradiction(
    lab: Lab, alpha: Double, things: str, values: dict[str, Any]
) -> None:
    lab.cycle()

    def change(document: Any) -> None:
        for item in document[things]:
            item.update(values)

    lab.edge.rule(f"{things}/detail.*(tenant_id|project_id)=", changed(change))
    lab.edge.rule(nova("") if things == "servers" else cinder(""), in_use(0))
    assert lab.cycle("quotas", full=True) == []


def test_of_many_that_are_not_counted_a_sample_is_asked_for(lab: Lab) -> None:
    lab.double(size=Size(projects=30, servers=30, volumes=0, hypervisors=1))
    lab.cycle()
    with lab.edge.during(nova(""), in_use(0)):
        (said,) = lab.cycle("quotas", full=True)
    assert "counts 0 servers of tenant " in said
    assert lab.asked("tenant_id=") == MAX_REQUESTED
    assert lab.sql("SELECT count(*) FROM quota WHERE error IS NOT NULL") == [(30,)]
