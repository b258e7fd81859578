"""Answers that are too large, too slow or too odd, and clouds that ask for patience."""

import json as documents
from pathlib import Path
from typing import Any

import pytest

from tests.collector import expected
from tests.collector.lab import SOON, Lab
from tests.double import Double
from tests.edge import Hang, Reset, Rewrite, Status
from tests.edge.abuse import Endless, Trickle, bomb, json, later

CAPACITY = "alpha: Nova's hypervisor statistics: "
STATISTICS = "os-hypervisors/statistics"


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        (bomb(64), "the answer has more bytes than [collector] answer_max_mib = 3 allows"),
        (Endless(), "the answer has more bytes than [collector] answer_max_mib = 3 allows"),
        (json(b"[" + b"[]," * 900_000 + b"[]]"), "the answer has more values than"),
        (json(b"[" * 100_000 + b"]" * 100_000), "it is nested too deeply"),
        (json(b'{"hypervisor_statistics": ' + b"9" * 100_000 + b"}"), "unreadable answer"),
        (Trickle(), "no complete answer within 1 s"),
        (Trickle(head_too=True), "no complete answer within 1 s"),
        (Hang(8), "no complete answer within 1 s"),
    ],
    ids=["bomb", "endless", "values", "nested", "digits", "slow-body", "slow-head", "silent"],
)
def test_a_bound_ends_one_call_and_is_named(
    lab: Lab, alpha: Double, action: Any, reason: str
) -> None:
    lab.use(answer_max_mib=3, answer_timeout=1)
    with lab.edge.during(STATISTICS, action):
        (error,) = lab.cycle("discovery", "capacity", "instances", "quotas")
        assert error.startswith(CAPACITY)
        assert reason in error
    assert expected.servers(lab.store) == set(alpha.state.servers)
    assert lab.cycle("capacity", after=SOON) == []


def test_a_large_answer_lets_other_threads_have_theirs(lab: Lab, alpha: Double) -> None:
    """One is read at a time; whoever has read one lets go of it, whatever became of it."""
    lab.use(answer_max_mib=4)
    large = json(b'{"x": "' + b" " * (3 * 2**20) + b'"}')
    with lab.edge.during("os-services|statistics|volumes|resource_providers", large):
        assert len(lab.cycle()) >= 4
    assert lab.cycle(after=SOON) == []


@pytest.mark.parametrize("action", [Status(429, {"Retry-After": "1"}), later(1, 413), later(1)])
def test_a_list_goes_on_at_the_page_at_which_patience_was_asked_for(
    lab: Lab, alpha: Double, action: Status
) -> None:
    lab.use(retry_wait=10, page_size=4)
    with lab.edge.during("servers/detail.*marker", action, times=2) as rule:
        assert lab.cycle("instances", full=True) == []
    assert rule.hits == 2
    assert lab.asked("servers/detail.*limit=4$") == 1
    assert expected.servers(lab.store) == set(alpha.state.servers)


@pytest.mark.parametrize("action", [Status(502), Status(503), Status(504), Reset(), Reset(10)])
def test_a_call_is_repeated_while_a_balancer_fails_over(
    lab: Lab, alpha: Double, action: Any
) -> None:
    lab.use(retry_wait=5)
    with lab.edge.during(STATISTICS, action, times=1) as rule:
        assert lab.cycle("capacity") == []
    assert rule.hits == 1


def test_signing_in_and_finding_versions_is_repeated_too(lab: Lab, alpha: Double) -> None:
    lab.use(retry_wait=5)
    lab.edge.rule("POST .*/auth/tokens$", Status(503, {"Retry-After": "1"}), times=1)
    lab.edge.rule("GET .*/compute/v2.1/?$", later(1), times=1)
    assert lab.cycle("capacity") == []


@pytest.mark.parametrize("url", [STATISTICS, "/compute/(v2.1/?)?$"])
@pytest.mark.parametrize("action", [later(900), Status(503, {"Retry-After": "900"})])
def test_a_job_is_due_again_when_the_cloud_wishes(
    lab: Lab, alpha: Double, url: str, action: Status
) -> None:
    lab.use(retry_wait=5)
    with lab.edge.during(url, action):
        assert len(lab.cycle("capacity")) == 1
    assert lab.job("capacity", "next_at") == pytest.approx(lab.clock.now + 900, abs=2)


def test_quotas_of_a_cloud_that_asks_for_patience_are_asked_no_more(
    lab: Lab, alpha: Double
) -> None:
    lab.use(threads=1)
    assert lab.cycle("discovery") == []
    with lab.edge.during("os-quota-sets", Status(429, {"Retry-After": "900"})) as rule:
        (error,) = lab.cycle("quotas")
    assert "HTTP 429" in error
    assert rule.hits == 1
    assert lab.job("quotas", "next_at") == lab.clock.now + 900


def test_versions_instead_of_an_answer_are_named(lab: Lab, alpha: Double) -> None:
    choices = {"choices": [{"id": "v2.1", "links": []}]}
    action = Status(300, {"Content-Type": "application/json"}, documents.dumps(choices).encode())
    with lab.edge.during(STATISTICS, action):
        (error,) = lab.cycle("capacity")
    assert error.startswith(f"{CAPACITY}HTTP 300: several versions are served at http://127.0.0.1")


def test_versions_with_status_300_are_read(lab: Lab, alpha: Double) -> None:
    offered = Rewrite(lambda body: body, status=300)
    with lab.edge.during("GET .*/(compute/v2.1|placement)/?$", offered) as rule:
        assert lab.cycle() == []
    assert rule.hits


def test_a_file_that_is_no_certificate_is_a_sentence(
    lab: Lab, alpha: Double, caplog: Any, tmp_path: Path
) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("certainly no certificate")
    lab.clouds["alpha"]["cacert"] = str(path)
    lab.clouds["alpha"]["auth"]["auth_url"] = alpha.auth_url.replace("http:", "https:")
    (error,) = lab.cycle("discovery")
    assert error.startswith("alpha: ")
    assert "see cacert, cert and key" in error
    assert "Traceback" not in caplog.text
    assert "defect" not in caplog.text
