"""Since when a collector is at work: breaks, and clocks that are set, are noticed."""

import pytest

from openstats.collector.working_time import BREAK_SECONDS, HOUSEKEEPING_PERIOD, WorkingTime
from tests.collector.lab import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def working_time(clock: Clock) -> WorkingTime:
    working_time = WorkingTime(clock, clock.uptime)
    working_time.note_turn()
    return working_time


def test_regular_looks_extend_the_working_time(clock: Clock, working_time: WorkingTime) -> None:
    began = clock.now
    for _ in range(100):
        clock.advance(BREAK_SECONDS / 2)
        working_time.note_turn()
    assert working_time.since() == began


def test_working_time_begins_anew_after_sleep(clock: Clock, working_time: WorkingTime) -> None:
    clock.advance(BREAK_SECONDS + 1)
    assert working_time.since() == clock.now


@pytest.mark.parametrize("step", [-3600, -1, 3600])
def test_a_clock_that_is_set_is_a_break(
    clock: Clock, working_time: WorkingTime, step: float
) -> None:
    clock.step(step)
    assert working_time.since() == clock.now


def test_a_machine_that_was_suspended_is_a_break(clock: Clock, working_time: WorkingTime) -> None:
    """Its uptime does not pass meanwhile."""
    clock.step(3600)
    working_time.note_turn()
    assert working_time.since() == clock.now


def test_on_demand_runs_have_no_breaks(clock: Clock) -> None:
    working_time, began = WorkingTime(clock, clock.uptime), clock.now
    clock.advance(3600)
    assert working_time.since() == began


def test_alerts_are_looked_after_once_a_minute_whatever_the_clock_says(clock: Clock) -> None:
    working_time = WorkingTime(clock, clock.uptime)
    assert working_time.note_turn()
    clock.step(3600)
    assert not working_time.note_turn()
    clock.step(-7200)
    clock.advance(HOUSEKEEPING_PERIOD)
    assert working_time.note_turn()
