"""Figures of clouds: which are taken, and that what is taken can be added up."""

import math
from typing import Any

import pytest

from openstats.clouds import figures
from openstats.clouds.figures import LARGEST, LARGEST_PART, FigureError
from openstats.model import Quota

MISTYPED = ("5", None, True, [], {}, 1.5, float("nan"), float("inf"))


@pytest.mark.parametrize("value", [*MISTYPED, -1, LARGEST + 1, 2**63 - 1, 2**70, -(2**62)])
def test_refuses_what_is_no_amount(value: Any) -> None:
    with pytest.raises(FigureError, match=r"vcpus is .*, not an integer from 0 to 70368744177664"):
        figures.integer({"vcpus": value}, "vcpus")


@pytest.mark.parametrize("value", [0, 1, LARGEST])
def test_takes_amounts(value: int) -> None:
    assert figures.integer({"vcpus": value}, "vcpus") == value


def test_free_disk_may_be_negative() -> None:
    assert figures.signed_integer({"free_ram_mb": -512}, "free_ram_mb") == -512
    with pytest.raises(FigureError):
        figures.signed_integer({"free_ram_mb": -(2**62)}, "free_ram_mb")


def test_a_part_is_as_large_as_columns_are() -> None:
    assert figures.integer_of_item({"ram": LARGEST_PART}, "ram") == LARGEST_PART
    with pytest.raises(FigureError):
        figures.integer_of_item({"ram": LARGEST_PART + 1}, "ram")


@pytest.mark.parametrize(
    ("limit", "in_use", "expected"),
    [
        (-1, 0, Quota(-1, 0)),
        (LARGEST_PART, LARGEST_PART, Quota(LARGEST_PART * 1024, LARGEST_PART * 1024)),
    ],
)
def test_quotas_are_in_our_units(limit: int, in_use: int, expected: Quota) -> None:
    answer = {"gigabytes": {"limit": limit, "in_use": in_use, "reserved": 0}}
    assert figures.quota(answer, "gigabytes", 1024) == expected


@pytest.mark.parametrize("name", ["limit", "in_use"])
@pytest.mark.parametrize("value", [*MISTYPED, 2**63 - 1, -(2**62), 2**46, -(2**46), -3])
def test_refuses_quotas_that_cannot_be(name: str, value: Any) -> None:
    answer = {"gigabytes": {"limit": 1, "in_use": 1} | {name: value}}
    with pytest.raises(FigureError, match=f"gigabytes {name} is "):
        figures.quota(answer, "gigabytes", 1024)


def test_a_hundred_thousand_tenants_can_be_added() -> None:
    assert 100_000 * LARGEST < 2**63


@pytest.mark.parametrize("value", ["16", None, True, -0.5, math.nan, math.inf, 1e308, 2**70])
def test_refuses_ratios_that_cannot_be(value: Any) -> None:
    with pytest.raises(FigureError, match="allocation_ratio is "):
        figures.ratio({"allocation_ratio": value}, "allocation_ratio")


@pytest.mark.parametrize("value", [0, 1, 1.5, 16.0, 9999.0])
def test_takes_ratios(value: float) -> None:
    assert figures.ratio({"allocation_ratio": value}, "allocation_ratio") == value


@pytest.mark.parametrize("value", ["much", None, True, [], math.inf, "-Inf", 1e300, 2**2000])
def test_refuses_measures_that_cannot_be_added(value: Any) -> None:
    with pytest.raises(FigureError, match="a sample is "):
        figures.measured("a sample", value)


def test_a_measure_may_be_unknown() -> None:
    assert math.isnan(figures.measured("a sample", "NaN"))
    assert figures.measured("a sample", "1.5") == 1.5


@pytest.mark.parametrize(
    "value", [None, 5, "yesterday", "0001-01-01T00:00:00", "9999-12-31T23:59:59Z", "2⁷⁰", []]
)
def test_refuses_dates_of_no_age(value: Any) -> None:
    with pytest.raises(FigureError, match=r"created is .*, not a date from 1970 to 2100"):
        figures.moment({"created": value}, "created")


@pytest.mark.parametrize(
    "value", ["2026-11-29T21:00:00Z", "2026-11-29T21:00:00.000000", "2026-11-29T22:00:00+01:00"]
)
def test_dates_without_a_zone_are_utc(value: str) -> None:
    assert figures.moment({"created": value}, "created") == 1795986000


def test_a_name_that_is_missing_is_a_lookup_error() -> None:
    with pytest.raises(LookupError):
        figures.integer({}, "vcpus")
