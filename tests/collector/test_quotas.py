"""Quotas: two calls for each tenant that is due, and one's failure spoils one."""

import json
from typing import Any

import pytest

from tests.collector import expected
from tests.collector.lab import SMALL, SOON, Lab
from tests.double import Double, Size
from tests.edge import Garbage, Rewrite, Status

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
    assert said.startswith("alpha: quotas of 1 of 4 tenants were not read; the last: alpha: ")
    assert said == lab.outcome("quotas")["error"]
    assert f"quotas of {tenant}: HTTP 500" in str(error(lab, tenant))
    found, now = expected.known_quotas(lab.store), expected.quotas(alpha)
    failed = found.pop(tenant)
    assert found == {key: figures for key, figures in now.items() if key != tenant}
    # Storage is the last of the figures; it stays, or it is all that does.
    stays = slice(0, None, 1) if service is nova else slice(3, None, 4)
    assert failed[stays] == before[tenant][stays]
    # It is asked for again, and nobody else is.
    assert lab.cycle("quotas", after=59) == []
    assert lab.asked() == 0
    assert lab.cycle("quotas", after=1) == []
    assert lab.asked(QUOTA) == lab.asked(rf"{QUOTA}/{tenant}") == 2
    assert error(lab, tenant) is None
    assert lab.outcome("quotas")["error"] is None
    assert expected.known_quotas(lab.store) == now


def test_a_poll_that_brought_nothing_failed(lab: Lab, alpha: Double) -> None:
    lab.cycle()
    tenant = next(iter(expected.quotas(alpha)))
    alpha.boot(tenant, SMALL)
    polled_at = lab.outcome("quotas")["polled_at"]
    with lab.edge.during(nova(tenant), Status(503, {"Retry-After": "900"})):
        (said,) = lab.cycle("instances", "quotas", after=SOON)
    assert said.startswith(f"alpha: Nova's quotas of {tenant}: HTTP 503")
    assert lab.outcome("quotas")["polled_at"] == polled_at


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

    def changed(body: bytes) -> bytes:
        document = json.loads(body)
        for held in document["quota_set"].values():
            if isinstance(held, dict):
                held["in_use"] = number
        return json.dumps(document).encode()

    return Rewrite(changed)


def test_a_count_below_zero_is_nothing(lab: Lab, alpha: Double) -> None:
    """Cinder's counters, which it keeps beside what it counts, have been seen below zero."""
    lab.edge.rule(QUOTA, in_use(-3))
    assert lab.cycle() == []
    assert {held[4:] for held in expected.known_quotas(lab.store).values()} == {(0, 0, 0, 0)}


def test_figures_that_are_none(lab: Lab, alpha: Double) -> None:
    for number in ("7", None, 1.5, True, [], "many"):
        with lab.edge.during(nova(""), in_use(number)):
            (said,) = lab.cycle("discovery", "quotas", full=True)
        assert said.startswith("alpha: Nova's quotas of ")
        assert f"a figure that cannot be: cores in_use is {number!r}, not an integer" in said
    assert {held[0] for held in expected.known_quotas(lab.store).values()} == {None}


@pytest.mark.parametrize("service", [nova, cinder])
def test_answers_that_are_none(lab: Lab, alpha: Double, service: Any) -> None:
    for body in (b"{}", b"[]", b"null", b'{"quota_set": {}}', b"<html>", b""):
        with lab.edge.during(service(""), Garbage(body)):
            (said,) = lab.cycle("discovery", "quotas", full=True)
        assert "defect" not in said, body
        assert "quotas of " in said, body
