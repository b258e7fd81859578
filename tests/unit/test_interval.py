"""Intervals: nothing is dropped, nothing overlaps."""

from hypothesis import given
from hypothesis import strategies as st

from openstats.model import Interval
from openstats.statistics.creation import datapoints
from openstats.statistics.interval import edges


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
    found = datapoints(interval, counts)
    assert [point["from"] for point in found] == edges(interval)[:-1]
    assert [point["to"] for point in found] == edges(interval)[1:]
    assert [p["value"] for p in found] == [counts.get(i, 0) for i in range(interval.datapoints)]


def test_datapoints_of_the_specifications_example() -> None:
    assert datapoints(Interval(1, 1415912629, 3), {0: 5, 2: 3}) == [
        {"to": 471970877, "from": 1, "value": 5},
        {"to": 943941753, "from": 471970877, "value": 0},
        {"to": 1415912629, "from": 943941753, "value": 3},
    ]
