"""Intervals: nothing is dropped, nothing overlaps."""

from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from openstats.model import Interval
from openstats.statistics.creation_time import datapoints
from openstats.statistics.interval import calendar, edges


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    start = draw(st.integers(0, 4102444799))
    end = draw(st.integers(start + 1, 4102444800))
    return Interval(start, end, draw(st.integers(1, min(1000, end - start))))


def test_the_specifications_example() -> None:
    assert edges(Interval(1, 1415912629, 3)) == [1, 471970877, 943941753, 1415912629]


def test_as_many_pieces_as_seconds() -> None:
    assert edges(Interval(5, 9, 4)) == [5, 6, 7, 8, 9]


@given(intervals())
def test_the_first_and_the_last_edge_are_the_intervals_own(interval: Interval) -> None:
    found = edges(interval)
    assert (found[0], found[-1]) == (interval.start, interval.end)
    assert len(found) == interval.datapoints + 1


@given(intervals())
def test_pieces_are_never_empty_and_differ_by_a_second_at_most(interval: Interval) -> None:
    found = edges(interval)
    lengths = {found[i + 1] - found[i] for i in range(interval.datapoints)}
    assert min(lengths) >= 1
    assert max(lengths) - min(lengths) <= 1


@given(intervals(), st.dictionaries(st.integers(0, 999), st.integers(1, 9)))
def test_datapoints_join_and_hold_what_was_counted(
    interval: Interval, counts: dict[int, int]
) -> None:
    found = datapoints(edges(interval), counts)
    assert [point["from"] for point in found] == edges(interval)[:-1]
    assert [point["to"] for point in found] == edges(interval)[1:]
    assert [p["value"] for p in found] == [counts.get(i, 0) for i in range(interval.datapoints)]


def test_datapoints_of_the_specifications_example() -> None:
    assert datapoints(edges(Interval(1, 1415912629, 3)), {0: 5, 2: 3}) == [
        {"to": 471970877, "from": 1, "value": 5},
        {"to": 943941753, "from": 471970877, "value": 0},
        {"to": 1415912629, "from": 943941753, "value": 3},
    ]


BERLIN = "Europe/Berlin"


def moment(text: str, zone: str = BERLIN) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


def test_days_of_a_calendar_end_at_midnight() -> None:
    start, end = moment("2026-10-24T15:00"), moment("2026-10-26T09:30")
    found = calendar(start, end, "day", BERLIN, 99)
    assert found == [start, moment("2026-10-25"), moment("2026-10-26"), end]
    # Summer time ends: that day has an hour more.
    assert found[2] - found[1] == 25 * 3600


def test_months_of_a_calendar_begin_with_their_first_day() -> None:
    start, end = moment("2026-01-31T12:00"), moment("2026-04-01")
    found = calendar(start, end, "month", BERLIN, 99)
    assert found == [start, moment("2026-02-01"), moment("2026-03-01"), end]


def test_hours_of_a_zone_that_is_not_whole_hours_away() -> None:
    start = moment("2026-01-01T10:10:07", "Asia/Kolkata")
    found = calendar(start, start + 7200, "hour", "Asia/Kolkata", 99)
    assert found[1] == moment("2026-01-01T11:00", "Asia/Kolkata")
    assert found[2] - found[1] == 3600


def test_a_calendar_is_not_longer_than_wanted() -> None:
    assert len(calendar(0, 10**9, "hour", "UTC", 5)) == 6


ZONES = st.sampled_from(["UTC", BERLIN, "Asia/Kolkata", "America/St_Johns", "Australia/Lord_Howe"])


@given(st.integers(0, 4 * 10**9), st.integers(1, 10**7), ZONES)
def test_a_calendar_drops_nothing_and_never_stands_still(start: int, length: int, zone: str):
    for every in ("hour", "day", "month"):
        found = calendar(start, start + length, every, zone, 10**6)
        assert (found[0], found[-1]) == (start, start + length)
        assert all(a < b for a, b in pairwise(found))
        for edge in found[1:-1]:
            local = datetime.fromtimestamp(edge, ZoneInfo(zone))
            assert every == "hour" or (local.minute == 0 and local.day == 1) or every == "day"
