"""Whatever a cloud answers: a sentence in the job, the previous figures, and then it heals."""

import re
from typing import Any

import pytest

from tests.collector import expected
from tests.collector.lab import SMALL, SOON, Lab
from tests.collector.odd import each_item, without
from tests.double import Double
from tests.edge import Garbage, Hang, Refuse, Reset, Status, Truncate

TOLD = rb'{"x": {"message": "\u0000red\u001b[1m\u0007", "code": 500}}'
KINDS = {"discovery", "capacity", "instances", "volumes", "quotas"}


@pytest.fixture
def known(lab: Lab, alpha: Double) -> Double:
    """A cloud that was read once and has changed since."""
    assert lab.cycle() == []
    tenant = next(iter(alpha.state.servers.values())).tenant_id
    alpha.boot(tenant, SMALL)
    alpha.create_volume(tenant, 5)
    return alpha


def figures(lab: Lab, double: Double) -> list[Any]:
    return [
        expected.known_quotas(lab.store),
        expected.known_capacity(lab.store, double),
        expected.servers(lab.store),
        expected.customers(lab.store),
    ]


def failed(lab: Lab) -> set[str]:
    return {kind for kind in KINDS if lab.outcome(kind).error}


ILLS = (
    (Refuse(), "Remote end closed connection without response"),
    (Reset(), "Connection reset by peer"),
    (Status(500, {}, b"<html>a page of ours</html>"), "HTTP 500"),
    (Status(500, {"Content-Type": "application/json"}, TOLD), "HTTP 500"),
    (Status(503, {"Retry-After": "5"}, b"later"), "HTTP 503"),
    (Status(429, {"Retry-After": "5"}), "HTTP 429"),
    (Truncate(40), ""),
    (Garbage(), "unreadable answer"),
    (Garbage(b'{"unexpected": [1, null]}'), "unreadable answer"),
    (Garbage(b"[]"), "unreadable answer"),
    (Garbage(b""), "unreadable answer"),
    # The last one: it loses the token.
    (Status(401, {}, b"{}"), "HTTP 401"),
)


def test_figures_survive_and_heal(lab: Lab, known: Double) -> None:
    before = figures(lab, known)
    for action, said in ILLS:
        with lab.edge.during("GET|POST", action):
            errors = lab.cycle(after=SOON, full=True)
        assert failed(lab) == KINDS, action
        for error in errors:
            assert error.startswith("alpha: "), action
            assert said in error, action
            assert error.isprintable(), action
            assert len(error) <= 500, action
            assert "double-secret" not in error, action
        assert figures(lab, known) == before, action
    assert lab.cycle() == []
    assert failed(lab) == set()
    assert expected.known_quotas(lab.store) == expected.quotas(known)


def test_a_cloud_that_says_nothing(lab: Lab, known: Double) -> None:
    lab.use(read_timeout=1)
    with lab.edge.during("hypervisors", Hang()) as rule:
        (error,) = lab.cycle("capacity", after=SOON)
        rule.action.release()
    assert error.startswith("alpha: Nova's hypervisor statistics: Request to http://127.0.0.1:")
    assert error.endswith("timed out")
    assert lab.cycle() == []


def test_a_cloud_that_is_not_there(lab: Lab, known: Double, monkeypatch: Any) -> None:
    monkeypatch.delenv("HTTP_PROXY")
    monkeypatch.delenv("http_proxy")
    before = figures(lab, known)
    known.stop()
    errors = lab.cycle(after=SOON, full=True)
    assert failed(lab) == KINDS
    assert all("[Errno 111] Connection refused" in error for error in errors)
    assert all("ConnectionPool" not in error for error in errors)
    assert figures(lab, known) == before
    known.start()
    assert lab.cycle() == []


def test_one_clouds_fault_is_not_anothers(lab: Lab, alpha: Double) -> None:
    beta = lab.double("beta")
    with lab.edge.during(alpha.url, Status(500)):
        errors = lab.cycle()
    assert errors
    assert all(error.startswith("alpha: ") for error in errors)
    assert expected.known_quotas(lab.store, "beta") == expected.quotas(beta)


def test_a_token_that_is_revoked_is_renewed(lab: Lab, known: Double) -> None:
    known.revoke_tokens()
    assert lab.cycle(after=SOON) == []
    assert lab.asked("POST") == 1


def test_a_wrong_password(lab: Lab) -> None:
    lab.double(password="another")
    lab.clouds["alpha"]["auth"]["password"] = "double-secret"
    (said,) = lab.cycle("discovery")
    assert "HTTP 401" in said
    assert "double-secret" not in said


def test_an_application_credential_does_as_well(lab: Lab, alpha: Double) -> None:
    lab.clouds["alpha"] |= {
        "auth_type": "v3applicationcredential",
        "auth": {
            "auth_url": alpha.auth_url,
            "application_credential_id": "an-id",
            "application_credential_secret": alpha.settings.password,
        },
    }
    assert lab.cycle("discovery") == []
    lab.clouds["alpha"]["auth"]["application_credential_secret"] = "topsecret"
    lab.use()
    (said,) = lab.cycle("discovery", after=SOON)
    assert "HTTP 401" in said
    assert "topsecret" not in said


# -- answers that are JSON, and still not what they should be


ODD = {
    "discovery": (
        ("/v3/projects", without("projects", "id")),
        ("/v3/projects", without("projects", "domain_id")),
        ("/v3/projects", each_item("projects", tags=7)),
        ("/v3/domains", without("domains", "name")),
    ),
    "instances": (
        ("servers/detail", without("servers", "id")),
        ("servers/detail", without("servers", "tenant_id")),
        ("servers/detail", each_item("servers", name={"a": "b"})),
        ("servers/detail", each_item("servers", status=None)),
        ("os-services", without("services", "status")),
    ),
    "volumes": (
        ("volumes/detail.*limit=1000", without("volumes", "os-vol-tenant-attr:tenant_id")),
        ("volumes/detail.*limit=1000", Garbage(b'{"volumes": ["a"]}')),
        ("with_count", without("snapshots", "id")),
    ),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_answers_are_the_clouds_fault(lab: Lab, known: Double, kind: str) -> None:
    before = figures(lab, known)
    for url, action in ODD[kind]:
        with lab.edge.during(url, action) as rule:
            (said,) = lab.cycle(kind, full=True)
            assert rule.hits
        assert re.search("unreadable answer|impossible figure", said), said
        assert "defect" not in said, said
        assert figures(lab, known) == before
    assert lab.cycle(kind) == []


def test_an_odd_answer_after_good_ones(lab: Lab, known: Double) -> None:
    """What was read before it is kept."""
    lab.edge.rule("servers.all_tenants=1$", Garbage(b'{"servers": [7]}'))
    (said,) = lab.cycle("instances", full=True)
    assert "Nova's servers of cells that are down: unreadable answer" in said
    assert expected.servers(lab.store) == set(known.state.servers)


NAMES = ("", "\x1b[31mred\x00\n", "=cmd()", "\N{SNOWMAN} ü")


def test_names_are_whatever_somebody_chose(either_lab: Lab) -> None:
    either_lab.double()
    for name in NAMES:
        with (
            either_lab.edge.during("servers/detail", each_item("servers", name=name or None)),
            either_lab.edge.during("/v3/projects", each_item("projects", name=name)),
        ):
            assert either_lab.cycle("discovery", "instances", full=True) == []
        stored = name.replace("\0", "\ufffd")
        assert set(either_lab.sql("SELECT name FROM instance")) == {(stored,)}
        assert set(either_lab.sql("SELECT name FROM project")) == {(stored,)}


def test_tags_of_the_greatest_length(either_lab: Lab) -> None:
    double = either_lab.double(openstats={"group_tags": True, "customer_from": "tag"})
    project = double.project("project-00000")
    for prefix in ("openstats:group=", "openstats:customer="):
        project.tags.append(prefix.ljust(255, "x"))
    assert either_lab.cycle("discovery") == []
    assert either_lab.sql("SELECT length(name) FROM project_group") == [(255 - 16,)]
    assert either_lab.cycle("discovery", after=SOON) == []
    assert either_lab.sql("SELECT count(*) FROM project_group") == [(1,)]
