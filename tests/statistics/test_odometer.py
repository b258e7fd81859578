"""The odometer's totals at any moment, against one reading at a time."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from openstats.meters import SHARE, USAGE_METERS, UsageMeter
from openstats.readings import Reading, Readings
from openstats.statistics.odometer import CLOCK, interpolate
from tests.readings import columns

KINDS = [USAGE_METERS[name] for name in ("memory.allocated", "cpu.used", "vcpu_hours.allocated")]
WHOLE = st.integers(0, 2**40).map(float)


@st.composite
def histories(draw: st.DrawFn) -> list[Reading]:
    """Give readings in order of time, none of which has fewer slots than the one before."""
    times = sorted(draw(st.sets(st.integers(1, 30), min_size=1, max_size=5)))
    sizes = sorted(draw(st.integers(1, 5)) for _ in times)
    return [
        Reading(300 * at, draw(arrays(np.float64, (2, size), elements=WHOLE)))
        for at, size in zip(times, sizes, strict=True)
    ]


def of(reading: Reading, slot: int, meter: UsageMeter) -> tuple[float, float]:
    """Give total and weight of a slot; one that is not there yet was observed, using nothing."""
    if slot < len(reading.totals):
        return reading.totals[slot], reading.weights[slot]
    return 0, 0 if meter.kind == SHARE else reading.weights[CLOCK]


def naive(found: list[Reading], moment: int, slot: int, meter: UsageMeter) -> tuple[float, float]:
    before = [one for one in found if one.at <= moment] or found[:1]
    after = [one for one in found if one.at >= moment] or found[-1:]
    first, second = before[-1], after[0]
    share = (moment - first.at) / (second.at - first.at) if first.at < second.at else 0
    pairs = zip(of(first, slot, meter), of(second, slot, meter), strict=True)
    total, weight = (a + share * (b - a) for a, b in pairs)
    return total, weight


@pytest.mark.parametrize("meter", KINDS, ids=lambda meter: meter.name)
@given(
    found=histories(),
    moments=st.lists(st.integers(0, 9300), min_size=1),
    slots=st.lists(st.integers(0, 7), min_size=1),
)
def test_all_moments_at_once_are_each_by_itself(meter, found, moments, slots) -> None:
    told = interpolate(columns(*found), moments, np.array(slots), meter)
    wanted = [[naive(found, moment, slot, meter) for slot in slots] for moment in moments]
    assert np.array_equal(told, np.array(wanted).transpose(0, 2, 1))


@given(found=histories(), first=st.integers(1, 5), length=st.integers(0, 3))
def test_a_stretch_says_the_same_of_its_slots(found, first, length) -> None:
    whole = columns(*found)
    places = [CLOCK, *range(first, min(first + length, whole.vectors.shape[2]))]
    some = replace(whole, vectors=whole.vectors[:, :, places], first=first)
    slots = np.array([CLOCK, *range(first, first + length)])
    told = [interpolate(read, whole.at, slots, KINDS[0]) for read in (whole, some)]
    assert np.array_equal(*told)


def test_readings_are_left_as_they_are() -> None:
    read = Readings(np.array([300]), np.array([[[0, np.nan], [300, np.nan]]]))
    told = interpolate(read, [300], np.array([0, 1, 2]), KINDS[0])
    assert told.tolist() == [[[0, 0, 0], [300, 300, 300]]]
    assert np.isnan(read.vectors[0, :, 1]).all()
