"""Samples: few of many, and from all parts of a list."""

import pytest

from openstats.collector.polls.checks.samples import sample


@pytest.mark.parametrize(
    ("length", "expected"),
    [(0, []), (1, [0]), (3, [0, 1, 2]), (4, [0, 2]), (9, [0, 3, 6]), (100, [0, 26, 52, 78])],
)
def test_a_sample_of_about_four_is_evenly_spread(length: int, expected: list[int]) -> None:
    assert list(sample(range(length), 4)) == expected


@pytest.mark.parametrize("length", [0, 1, 49, 50, 51, 1000, 12_345])
def test_a_sample_is_not_larger_than_asked_for(length: int) -> None:
    chosen = sample(range(length), 50)
    assert len(chosen) <= 50
    assert len(chosen) >= min(length, 25)
