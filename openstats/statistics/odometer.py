"""The odometer: running totals that advance tick by tick, and are read at any moment.

Between two readings they are linear; before the first and after the last nothing is known.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openstats.meters import SHARE, UsageMeter
from openstats.model import Reading, Tick

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


def along(readings: Sequence[Reading], moments: Any, slots: Slots, meter: UsageMeter) -> Any:
    """Give the totals and weights of slots at moments: for each moment two rows, a column a slot.

    ``readings`` are in order of time, at least one, and hold those around each moment; all have
    the same slots.
    """
    places = np.where(slots == CLOCK, CLOCK, slots - readings[0].first + 1)
    length = int(places.max()) + 1
    vectors = np.array([_taken(reading, places, length, meter) for reading in readings])
    at = np.array([reading.at for reading in readings], np.float64)
    first, second, share = _places(at, np.asarray(moments, np.float64))
    before = vectors[first]
    return before + share * (vectors[second] - before)


def _taken(reading: Reading, places: Slots, length: int, meter: UsageMeter) -> Matrix:
    vectors = reading.vectors
    if vectors.shape[1] < length:
        vectors = _lengthened(reading, length, meter)
    return vectors[:, places]


def _places(
    at: Vector, moments: Vector
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Give the readings around each moment, and which share of the way between them it lies.

    Beyond the first and the last there is but that one.
    """
    second = at.searchsorted(moments, side="right").clip(1, max(len(at) - 1, 1))
    first, second = second - 1, np.minimum(second, len(at) - 1)
    length = at[second] - at[first]
    passed = np.divide(moments - at[first], length, out=np.zeros(len(moments)), where=length > 0)
    return first, second, passed.clip(0, 1)[:, None, None]
