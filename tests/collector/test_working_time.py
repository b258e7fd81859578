"""Since when a collector is at work: breaks, and clocks that are set, are noticed."""

import pytest

from openstats.collector.working_time import BREAK, TIDYING, Awake
from tests.collector.lab import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def awake(clock: Clock) -> Awake:
    made = Awake(clock, clock.uptime)
    made.look()
    return made


def test_regular_looks_extend_the_working_time(clock: Clock, awake: Awake) -> None:
    began = clock.now
    for _ in range(100):
        clock.advance(BREAK / 2)
        awake.look()
    assert awake.since() == began


def test_working_time_begins_anew_after_sleep(clock: Clock, awake: Awake) -> None:
    clock.advance(BREAK + 1)
    assert awake.since() == clock.now


@pytest.mark.parametrize("step", [-3600, -1, 3600])
def test_a_clock_that_is_set_is_a_break(clock: Clock, awake: Awake, step: float) -> None:
    clock.step(step)
    assert awake.since() == clock.now


def test_a_machine_that_was_suspended_is_a_break(clock: Clock, awake: Awake) -> None:
    """Its uptime does not pass meanwhile."""
    clock.step(3600)
    awake.look()
    assert awake.since() == clock.now


def test_on_demand_runs_have_no_breaks(clock: Clock) -> None:
    awake, began = Awake(clock, clock.uptime), clock.now
    clock.advance(3600)
    assert awake.since() == began


def test_alerts_are_looked_after_once_a_minute_whatever_the_clock_says(clock: Clock) -> None:
    awake = Awake(clock, clock.uptime)
    assert awake.look()
    clock.step(3600)
    assert not awake.look()
    clock.step(-7200)
    clock.advance(TIDYING)
    assert awake.look()
