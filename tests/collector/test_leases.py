"""Leases: a job is one collector's at a time, and one that lost it writes nothing."""

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.collector import expected
from tests.collector.lab import SMALL, SOON, Lab, running
from tests.devcloud.process import wait_for
from tests.double import Double
from tests.edge import Edge, Hang, Refuse, Status

MOMENTS = {
    "discovery": "/v3/projects",
    "capacity": "statistics",
    "instances": "changes-since",
    "volumes": r"snapshots/detail\S*limit=1000",
    "quotas": r"/volume/\S*os-quota-sets",
}


def everything(lab: Lab, double: Double) -> list[Any]:
    return [
        expected.known_quotas(lab.store),
        expected.known_capacity(lab.store, double),
        expected.servers(lab.store),
        lab.sql("SELECT name FROM tenant ORDER BY name"),
        lab.sql("SELECT sum(volumes) FROM volume_use"),
        lab.sql("SELECT kind, next_at, lease_token, polled_at, error FROM job ORDER BY kind"),
    ]


@pytest.mark.parametrize("kind", MOMENTS)
def test_a_lost_lease_writes_nothing(
    lab: Lab, alpha: Double, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    lab.cycle()
    tenant = next(iter(expected.quotas(alpha)))
    alpha.create_project("late")
    alpha.boot(tenant, SMALL)
    alpha.create_volume(tenant, 1)
    hang = Hang()
    lab.edge.rule(MOMENTS[kind], hang)
    with ThreadPoolExecutor() as pool:
        cycle = pool.submit(lab.cycle, kind, after=SOON, full=kind == "quotas")
        assert hang.reached.wait(10)
        lab.sql(f"UPDATE job SET lease_token = 'another', next_at = 7 WHERE kind = '{kind}'")
        before = everything(lab, alpha)
        hang.release()
        assert cycle.result(10) == []
    assert everything(lab, alpha) == before
    assert f"another collector polls {kind} of alpha now" in caplog.text


def test_a_failure_after_a_lost_lease_is_nobodys_business(lab: Lab, alpha: Double) -> None:
    lab.cycle()
    hang = Hang()
    lab.edge.rule("os-services", hang)
    lab.edge.rule("changes-since", Status(500))
    with ThreadPoolExecutor() as pool:
        cycle = pool.submit(lab.cycle, "instances", after=SOON)
        assert hang.reached.wait(10)
        lab.sql("UPDATE job SET lease_token = 'another' WHERE kind = 'instances'")
        before = everything(lab, alpha)
        hang.release()
        assert cycle.result(10) == []
    assert everything(lab, alpha) == before


def test_two_collectors_do_not_do_the_same_at_once(either_lab: Lab) -> None:
    lab = either_lab
    double = lab.double()
    lab.use().cycle()
    other = lab.collector()
    hang = Hang()
    lab.edge.rule("statistics", hang)
    with ThreadPoolExecutor() as pool:
        cycle = pool.submit(lab.cycle, "capacity", after=59)
        assert hang.reached.wait(10)
        assert other.cycle(["capacity"]) == []
        hang.release()
        assert cycle.result(10) == []
    assert lab.asked("statistics") == 1
    assert expected.known_capacity(lab.store, double)["at"] == lab.clock.now


def test_many_collectors_share_the_work(either_lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    clouds = ("alpha", "beta", "gamma")
    doubles = {name: either_lab.double(name) for name in clouds}
    collectors = [either_lab.collector(threads=2) for _ in range(3)]
    with running(collectors[0]), running(collectors[1]), running(collectors[2]):
        wait_for("all jobs", either_lab.idle, timeout=15)
    for double in doubles.values():
        assert either_lab.asked(f"{double.url}.*changes-since") == 0
        for path in ("statistics", "servers/detail", "volumes/summary"):
            asked = either_lab.asked(f"{double.url}.*{path}")
            # In MariaDB, transactions of several polls may be a deadlock: one of them is repeated.
            assert asked == 1 or (asked > 1 and "ended a transaction: Deadlock" in caplog.text)
    # What the first sweeps found to have changed may have been read already.
    assert either_lab.cycle("quotas") == []
    for name, double in doubles.items():
        assert {either_lab.outcome(kind, name).error for kind in MOMENTS} == {None}
        assert expected.known_quotas(either_lab.store, name) == expected.quotas(double)


def test_the_job_of_one_that_died_is_taken_over(lab: Lab, alpha: Double) -> None:
    lab.cycle()
    # It took the job, and was never heard of again.
    until = lab.clock.now + 60
    lab.sql(f"UPDATE job SET lease_token = 'dead', leased_until = {until}, next_at = 0")
    assert lab.cycle("capacity", after=59) == []
    assert lab.asked() == 0
    assert lab.cycle("capacity", after=1) == []
    assert lab.asked("statistics") == 1


def test_a_lease_is_prolonged_while_a_call_hangs(lab: Lab, alpha: Double, edge: Edge) -> None:
    lab.cycle()
    other = lab.collector()
    lab.use(lease=1)
    hang = Hang()
    edge.rule("statistics", hang)
    with ThreadPoolExecutor() as pool:
        cycle = pool.submit(lab.cycle, "capacity", after=SOON)
        assert hang.reached.wait(10)
        for _ in range(2):
            # Longer than the lease; then a heartbeat comes, every third of a (real) second.
            lab.clock.advance(30)
            alive = lab.clock.now + 1
            wait_for("a beat", lambda: lab.job("capacity", "leased_until") == alive, timeout=5)  # noqa: B023
            assert other.cycle(["capacity"]) == []
        hang.release()
        assert cycle.result(10) == []
    assert lab.asked("statistics") == 1
    assert lab.outcome("capacity").seconds == 60


def test_the_heart_stops_with_the_collector(lab: Lab, alpha: Double) -> None:
    import threading

    before = set(threading.enumerate())
    collector = lab.collector(lease=1)
    collector.cycle(["capacity"])
    mine = set(threading.enumerate()) - before
    assert {thread.name.partition("-")[0] for thread in mine} >= {"heartbeat", "poll"}
    collector.close()
    for thread in mine:
        if thread.name.startswith(("heartbeat", "poll", "call")):
            thread.join(5)
            assert not thread.is_alive()


@pytest.mark.parametrize(
    ("kind", "list_"),
    [("discovery", "/v3/projects"), ("instances", "servers/"), ("volumes", "volumes/")],
)
def test_a_collector_that_stops_ends_a_list_between_two_pages(
    lab: Lab, alpha: Double, kind: str, list_: str
) -> None:
    asking = lab.use(page_size=1)

    def second(_: str, url: str) -> bool:
        if list_ in url and "marker" in url:
            asking.stop()
        return False

    lab.edge.rule(second, Refuse())
    assert asking.cycle((kind,)) == []
    assert lab.asked(f"{list_}.*marker") == 1
    assert lab.job(kind, "polled_at") is None
    assert lab.job(kind, "lease_token") is None
    assert lab.job(kind, "next_at") <= lab.clock.now
