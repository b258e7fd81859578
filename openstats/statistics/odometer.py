"""The odometer: running totals that advance tick by tick, and are read at any moment.

Between two readings they are linear; before the first and after the last nothing is known.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from openstats.meters import SHARE, UsageMeter
from openstats.readings import Reading, Readings, Tick

CLOCK = 0
"""The slot that no tenant has: its weight is the seconds in which the cloud was observed."""

Slots = NDArray[np.int64]
Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


def begun(at: int) -> Reading:
    """Give a cloud's first reading: from here on is counted."""
    return Reading(at, np.zeros((2, 1)))


def paused(last: Reading, at: int) -> Reading:
    """Give the reading that ends a gap: time passed, and nobody knows what was used in it."""
    return Reading(at, last.vectors)


def advance(last: Reading, tick: Tick, meter: UsageMeter) -> Reading:
    """Give the reading at a tick, whose gains are by slot."""
    length = 1 + max(len(last.totals) - 1, *tick.gains, *tick.unobserved, CLOCK)
    vectors = _lengthened(last, length, meter)
    totals, weights = vectors
    slots = np.fromiter(tick.gains, np.intp, len(tick.gains))
    gains = np.array(list(tick.gains.values()), np.float64).reshape(-1, 2)
    weights[CLOCK] += tick.seconds
    if meter.kind != SHARE:
        weights[_others(length, slots, tick)] += tick.seconds
    totals[slots] += gains[:, 0]
    weights[slots] += gains[:, 1]
    return Reading(tick.at, vectors)


def _others(length: int, slots: NDArray[np.intp], tick: Tick) -> NDArray[np.bool_]:
    """Mark the tenants that were observed using nothing."""
    others = np.ones(length, np.bool_)
    others[CLOCK] = False
    others[slots] = False
    others[list(tick.unobserved)] = False
    return others


def _lengthened(reading: Reading, length: int, meter: UsageMeter) -> Matrix:
    """Give copies of the vectors, with slots for tenants that came later.

    Before it was born a tenant used nothing, and was observed as long as its cloud.
    """
    born = np.zeros((2, length - reading.vectors.shape[1]))
    if meter.kind != SHARE:
        born[1] = reading.weights[CLOCK]
    return np.concatenate([reading.vectors, born], axis=1)


def along(readings: Readings, moments: Any, slots: Slots, meter: UsageMeter) -> Any:
    """Give the totals and weights of slots at moments: (moments, 2, slots).

    ``readings`` hold those around each moment, which are Unix seconds.
    """
    vectors = _taken(readings, slots, meter)
    first, second, share = _places(readings.at, np.asarray(moments))
    before = vectors.take(first, 0)
    return before + share * (vectors.take(second, 0) - before)


def _taken(readings: Readings, slots: Slots, meter: UsageMeter) -> Any:
    """Give the vectors of slots: (readings, 2, slots).

    Slots that a reading lacks are what they are in ``_lengthened``.
    """
    places = np.maximum(slots - (readings.first - 1), CLOCK)
    taken = readings.vectors.take(places, 2, mode="clip")
    taken[..., places >= readings.vectors.shape[2]] = np.nan
    lacking = np.isnan(taken[:, 0])
    if lacking.any():
        clock = 0 if meter.kind == SHARE else readings.vectors[:, 1, CLOCK, None]
        np.copyto(taken[:, 0], 0, where=lacking)
        np.copyto(taken[:, 1], clock, where=lacking)
    return taken


def _places(at: Slots, moments: Slots) -> tuple[NDArray[np.intp], NDArray[np.intp], Any]:
    """Give the readings around each moment, and which share of the way between them it lies.

    On a reading, and beyond the first and the last, both are that one.
    """
    first = np.maximum(at.searchsorted(moments, "right") - 1, 0)
    second = np.minimum(at.searchsorted(moments), len(at) - 1)
    begins = at[first]
    share = (moments - begins) / np.maximum(at[second] - begins, 1)
    return first, second, share[:, None, None]
