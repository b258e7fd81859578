"""Clouds that accept, and say nothing: others do not wait for them, nor does the end."""

from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor, wait
from threading import Event

import pytest

from openstats.collector.workers import Workers
from openstats.errors import StoppedError
from tests.collector.lab import SOON, Lab, running
from tests.devcloud.process import wait_for
from tests.double import Double
from tests.edge import Hang

SILENT = ("one", "two", "three")


@pytest.fixture
def hang() -> Iterator[Hang]:
    hang = Hang()
    yield hang
    hang.release()


@pytest.fixture
def silent(lab: Lab, alpha: Double, hang: Hang) -> Hang:
    """Clouds that say nothing, more than there are threads, beside one that answers."""
    for name in SILENT:
        lab.edge.rule(lab.double(name, None).url, hang)
    lab.use(threads=2)
    return hang


def polled(lab: Lab, since: float) -> int:
    """Count alpha's jobs that have succeeded since a time."""
    query = "SELECT count(*) FROM job JOIN cloud ON cloud.id = cloud_id"
    ((number,),) = lab.sql(f"{query} WHERE name = 'alpha' AND polled_at >= {since}")
    return int(number)


def leased(lab: Lab) -> int:
    ((number,),) = lab.sql("SELECT count(*) FROM job WHERE lease_token IS NOT NULL")
    return int(number)


def test_silent_clouds_hold_up_nobody_and_the_end_does_not_wait_for_them(
    lab: Lab, silent: Hang
) -> None:
    collector = lab.use(threads=2)
    with running(collector):
        for _ in range(2):
            now = lab.clock.now
            wait_for("alpha was polled", lambda now=now: polled(lab, now) == 7, 30)
            lab.clock.advance(4000)
            collector._wake.set()
        assert silent.reached.is_set()
    assert leased(lab) == 0
    assert lab.sql("SELECT count(*) FROM job WHERE error IS NOT NULL") == [(0,)]


def test_jobs_that_wait_for_a_thread_are_given_back_at_the_end(
    lab: Lab, alpha: Double, hang: Hang
) -> None:
    collector = lab.use(threads=1)
    lab.edge.rule("os-hypervisors", hang)
    with ThreadPoolExecutor() as pool:
        cycle = pool.submit(collector.cycle)
        assert hang.reached.wait(10)
        assert leased(lab) > 1
        collector.close()
        wait([cycle])
    assert leased(lab) == 0


def test_a_first_cycle_does_not_wait_for_silent_clouds(lab: Lab, silent: Hang) -> None:
    collector = lab.use(threads=2)
    assert collector.cycle(patience=0.5) == []
    now = lab.clock.now
    assert polled(lab, now) == 7
    with running(collector):
        lab.clock.advance(SOON)
        collector._wake.set()
        wait_for("alpha was polled again", lambda: polled(lab, now + SOON) >= 5, 30)


def test_a_slow_cloud_that_answers_is_waited_for(lab: Lab, alpha: Double) -> None:
    alpha.latency = 0.05
    assert lab.use(threads=1).cycle(patience=0.5) == []
    assert polled(lab, lab.clock.now) == 7


def test_workers_make_so_many_calls_at_once_and_hand_on_what_came_of_them() -> None:
    workers, go = Workers(2, "test"), Event()
    waiting = [workers.submit(go.wait, 10) for _ in range(2)]
    later = workers.submit(lambda: 1 / 0)
    assert not later.done()
    go.set()
    assert [future.result(10) for future in waiting] == [True, True]
    with pytest.raises(ZeroDivisionError):
        later.result(10)
    workers.shutdown()
    with pytest.raises(StoppedError):
        workers.submit(go.wait)


def test_workers_that_hang_are_not_waited_for() -> None:
    workers, go = Workers(1, "test"), Event()
    workers.submit(go.wait, 10)
    later = workers.submit(go.wait, 10)
    workers.shutdown(wait=False, cancel_futures=True)
    with pytest.raises(CancelledError):
        later.result(10)
    assert not workers.join(0.01)
    go.set()
    assert workers.join(10)
