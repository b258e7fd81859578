"""Jobs: when each is asked next, and what is written of how it went."""

from email.utils import formatdate

import pytest

from openstats.collector.collector import spread
from openstats.collector.polls.kinds import POLLS
from tests.collector import expected
from tests.collector.lab import INTERVALS, SOON, Lab, running
from tests.devcloud.process import wait_for
from tests.double import Double
from tests.edge import Edge, Hang, Status

CALLS = {
    "discovery": "/v3/domains",
    "capacity": "statistics",
    "instances": "os-services",
    "volumes": "volumes/summary",
}


@pytest.mark.parametrize("kind", INTERVALS)
def test_next_after_a_success(lab: Lab, alpha: Double, kind: str) -> None:
    asked = []

    def jitter(interval: float, share: float) -> float:
        asked.append((interval, share))
        return interval + 7

    interval = INTERVALS[kind] + 11
    lab.use(jitter=jitter, **{f"{kind}_interval": interval})
    assert lab.cycle(kind) == []
    assert asked == [(interval, 0.1)]
    assert lab.job(kind, "next_at") == lab.clock.now + interval + 7
    done = lab.outcome(kind)
    assert (done.polled_at, done.error, done.error_at) == (lab.clock.now, None, None)
    assert lab.job(kind, "lease_token") is lab.job(kind, "leased_until") is None


def test_jitter_stays_within_its_share() -> None:
    found = [spread(300, 0.1) for _ in range(1000)]
    assert 270 <= min(found) < 280
    assert 320 < max(found) <= 330
    assert spread(300, 0) == 300


@pytest.mark.parametrize("kind", CALLS)
def test_next_after_a_failure(lab: Lab, alpha: Double, kind: str) -> None:
    lab.use(retry_interval=45)
    lab.cycle(kind)
    polled_at = lab.clock.now
    with lab.edge.during(CALLS[kind], Status(500)):
        (error,) = lab.cycle(kind, after=SOON)
    assert lab.job(kind, "next_at") == lab.clock.now + 45
    failed = lab.outcome(kind)
    assert (failed.polled_at, failed.error_at) == (polled_at, lab.clock.now)
    assert failed.error == error
    assert lab.cycle(kind, after=45) == []
    assert lab.outcome(kind).error is None


@pytest.mark.parametrize("kind", CALLS)
def test_a_cloud_that_says_when_to_come_back(lab: Lab, alpha: Double, kind: str) -> None:
    lab.cycle(kind)
    for status in (429, 503):
        with lab.edge.during(CALLS[kind], Status(status, {"Retry-After": "777"})):
            assert len(lab.cycle(kind, after=SOON)) == 1
        assert lab.job(kind, "next_at") == lab.clock.now + 777
    # What was said then is not what is said now.
    with lab.edge.during(CALLS[kind], Status(500)):
        assert len(lab.cycle(kind, after=SOON)) == 1
    assert lab.job(kind, "next_at") == lab.clock.now + 60


def test_placement_that_says_when_to_come_back(lab: Lab) -> None:
    lab.double(openstats={"capacity_source": "placement"})
    lab.cycle("capacity")
    with lab.edge.during("/placement", Status(503, {"Retry-After": "777"})):
        assert len(lab.cycle("capacity", after=SOON)) == 1
    assert lab.job("capacity", "next_at") == lab.clock.now + 777


PAUSES = {
    "5": 60,
    "61": 61,
    "3600": 3600,
    "3601": 3600,
    "9" * 5000: 3600,
    "-5": 60,
    "inf": 60,
    "nan": 60,
    "1e9": 60,
    "soon": 60,
    "": 60,
    formatdate(2**31, usegmt=True): 3600,
}


def test_how_long_a_cloud_may_ask_to_be_left_alone(lab: Lab, alpha: Double) -> None:
    lab.cycle("capacity")
    for said, pause in PAUSES.items():
        with lab.edge.during("statistics", Status(503, {"Retry-After": said})):
            assert len(lab.cycle("capacity", after=SOON)) == 1
        assert lab.job("capacity", "next_at") == lab.clock.now + pause, said


def test_how_long_it_took(lab: Lab, alpha: Double) -> None:
    def slow(_cloud: str, _what: str, _done: int, _total: int | None) -> None:
        lab.clock.advance(2.5)

    lab.use(progress=slow)
    began = lab.clock.now
    assert lab.cycle("discovery") == []
    assert lab.outcome("discovery").seconds == 2.5
    assert lab.outcome("discovery").polled_at == began


def test_a_defect_is_recorded_and_ends_nothing(
    lab: Lab, alpha: Double, caplog: pytest.LogCaptureFixture
) -> None:
    """No answer of a cloud provokes one any more, but a collaborator may."""

    def broken(_cloud: str, what: str, _done: int, _total: int | None) -> None:
        if what == "servers":
            raise RuntimeError("oops")

    lab.use(progress=broken)
    assert lab.cycle() == ["a defect of openstats: RuntimeError('oops')"]
    assert lab.outcome("instances").error == "a defect of openstats: RuntimeError('oops')"
    assert lab.job("instances", "next_at") == lab.clock.now + 60
    assert "Traceback" in caplog.text
    lab.use()
    assert lab.cycle() == []


def test_a_cloud_that_left_clouds_yaml_is_not_asked(lab: Lab, alpha: Double) -> None:
    beta = lab.double("beta")
    lab.cycle()
    del lab.clouds["beta"]
    lab.use()
    assert lab.cycle(after=SOON, full=True) == []
    assert lab.asked(beta.url) == 0
    assert expected.known_quotas(lab.store, "beta") == expected.quotas(beta)


def test_only_the_kinds_and_clouds_that_are_named(lab: Lab, alpha: Double) -> None:
    lab.double("beta")
    assert lab.collector("beta").cycle(["capacity", "volumes"]) == []
    assert lab.asked(alpha.url) == 0
    polled = {(k, c) for c in ("alpha", "beta") for k in INTERVALS if _polled(lab, k, c)}
    assert polled == {("capacity", "beta"), ("volumes", "beta")}


def _polled(lab: Lab, kind: str, cloud: str) -> bool:
    rows = lab.sql(
        "SELECT j.polled_at FROM job j JOIN cloud c ON c.id = j.cloud_id "
        f"WHERE j.kind = '{kind}' AND c.name = '{cloud}'"
    )
    return any(at is not None for (at,) in rows)


# -- for ever


def test_running_asks_what_is_due(lab: Lab, alpha: Double) -> None:
    with running(lab.collector()):
        wait_for("all jobs", lab.idle, timeout=10)
    assert all(_polled(lab, kind, "alpha") for kind in POLLS)
    assert lab.asked("statistics") == 1
    lab.edge.clear()
    # Another process has a job done.
    lab.sql(f"UPDATE job SET next_at = {lab.clock.now} WHERE kind = 'capacity'")
    with running(lab.collector()):
        assert lab.edge.wait(1, lambda seen: "statistics" in seen.url)
    assert lab.asked("/v3/domains|volumes|servers") == 0


def test_running_with_fewer_threads_than_jobs(lab: Lab, alpha: Double) -> None:
    with running(lab.collector(threads=1)):
        wait_for("all jobs", lab.idle, timeout=10)


def test_polls_in_any_order_give_the_same_figures(lab: Lab, alpha: Double) -> None:
    with running(lab.collector()):
        wait_for("all jobs", lab.idle, timeout=10)
    assert lab.cycle("quotas") == []
    assert expected.known_quotas(lab.store) == expected.quotas(alpha)
    dated = "SELECT count(*) FROM project WHERE created_at IS NOT NULL"
    assert lab.sql(dated) == [(4,)]


def test_stopping_waits_for_what_is_under_way(lab: Lab, alpha: Double, edge: Edge) -> None:
    lab.cycle()
    hang = Hang()
    edge.rule("statistics", hang)
    lab.sql(f"UPDATE job SET next_at = {lab.clock.now} WHERE kind = 'capacity'")
    collector = lab.collector()
    with running(collector) as thread:
        assert hang.reached.wait(10)
        collector.stop()
        assert thread.is_alive()
        hang.release()
    assert lab.idle()
    assert lab.outcome("capacity").error is None
