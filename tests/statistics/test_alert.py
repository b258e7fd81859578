"""Alert: counts by severity, and the thresholds of our own rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openstats.statistics.alert import Thresholds, summary

USUAL = Thresholds(80, 95, 3)
ORDER = (None, "Warning", "Error")


def test_every_severity_has_its_key() -> None:
    assert summary({}) == {"Debug": 0, "Info": 0, "Warning": 0, "Error": 0}
    assert list(summary({"Error": 2, "Debug": 1})) == ["Debug", "Info", "Warning", "Error"]
    assert summary({"Error": 2, "Debug": 1}) == {"Debug": 1, "Info": 0, "Warning": 0, "Error": 2}


@pytest.mark.parametrize(
    ("used", "before", "severity"),
    [
        (79, None, None),
        (80, None, "Warning"),
        (94, None, "Warning"),
        (95, None, "Error"),
        (100, None, "Error"),
        (130, None, "Error"),
        # What is open stays until it is three points below.
        (77, "Warning", "Warning"),
        (76, "Warning", None),
        (92, "Error", "Error"),
        (91, "Error", "Warning"),
        (77, "Error", "Warning"),
        (76, "Error", None),
        (94, "Warning", "Warning"),
        (95, "Warning", "Error"),
        # Somebody else's severity holds nothing.
        (79, "Info", None),
    ],
)
def test_thresholds(used: int, before: str | None, severity: str | None) -> None:
    assert USUAL.severity(used, 100, before) == severity


@given(st.integers(0, 200), st.integers(2, 200), st.sampled_from(ORDER))
def test_a_margin_only_ever_makes_worse_and_what_was_found_stays(
    used: int, of: int, before: str | None
) -> None:
    found = USUAL.severity(used, of, before)
    plain = Thresholds(80, 95).severity(used, of, before)
    assert ORDER.index(plain) <= ORDER.index(found)
    assert USUAL.severity(used, of, found) == found
