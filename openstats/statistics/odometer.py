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
    return Reading(at, np.zeros(1), np.zeros(1))


def paused(last: Reading, at: int) -> Reading:
    """Give the reading that ends a gap: time passed, and nobody knows what was used in it."""
    return Reading(at, last.totals, last.weights)


def advance(last: Reading, tick: Tick, meter: UsageMeter) -> Reading:
    """Give the reading at a tick, whose gains are by slot."""
    length = 1 + max(len(last.totals) - 1, *tick.gains, *tick.unobserved, CLOCK)
    totals, weights = _lengthened(last, length, meter)
    slots = np.fromiter(tick.gains, np.intp, len(tick.gains))
    gains = np.array(list(tick.gains.values()), np.float64).reshape(-1, 2)
    weights[CLOCK] += tick.seconds
    if meter.kind != SHARE:
        weights[_others(length, slots, tick)] += tick.seconds
    totals[slots] += gains[:, 0]
    weights[slots] += gains[:, 1]
    return Reading(tick.at, totals, weights)


def _others(length: int, slots: NDArray[np.intp], tick: Tick) -> NDArray[np.bool_]:
    """Mark the tenants that were observed using nothing."""
    others = np.ones(length, np.bool_)
    others[CLOCK] = False
    others[slots] = False
    others[list(tick.unobserved)] = False
    return others


def _lengthened(reading: Reading, length: int, meter: UsageMeter) -> tuple[Vector, Vector]:
    """Give copies of the vectors, with slots for tenants that came later.

    Before it was born a tenant used nothing, and was observed as long as its cloud.
    """
    missing = length - len(reading.totals)
    born = 0.0 if meter.kind == SHARE else reading.weights[CLOCK]
    return (
        np.concatenate([reading.totals, np.zeros(missing)]),
        np.concatenate([reading.weights, np.full(missing, born)]),
    )


def along(
    readings: Sequence[Reading], moments: Any, slots: Slots, meter: UsageMeter
) -> tuple[Matrix, Matrix]:
    """Give totals and weights of slots at moments: two matrices, a row for each moment.

    ``readings`` are in order of time, at least one, and hold those around each moment; all have
    the same slots.
    """
    places = np.where(slots == CLOCK, CLOCK, slots - readings[0].first + 1)
    length = int(places.max()) + 1
    vectors = [_taken(reading, places, length, meter) for reading in readings]
    at = np.array([reading.at for reading in readings], np.float64)
    first, second, share = _places(at, np.asarray(moments, np.float64))
    totals, weights = (np.array(found) for found in zip(*vectors, strict=True))
    return (
        totals[first] + share * (totals[second] - totals[first]),
        weights[first] + share * (weights[second] - weights[first]),
    )


def _taken(
    reading: Reading, places: Slots, length: int, meter: UsageMeter
) -> tuple[Vector, Vector]:
    totals, weights = reading.totals, reading.weights
    if len(totals) < length:
        totals, weights = _lengthened(reading, length, meter)
    return totals[places], weights[places]


def _places(at: Vector, moments: Vector) -> tuple[NDArray[np.intp], NDArray[np.intp], Matrix]:
    """Give the readings around each moment, and which share of the way between them it lies.

    Beyond the first and the last there is but that one.
    """
    second = at.searchsorted(moments, side="right").clip(1, max(len(at) - 1, 1))
    first, second = second - 1, np.minimum(second, len(at) - 1)
    length = at[second] - at[first]
    passed = np.divide(moments - at[first], length, out=np.zeros(len(moments)), where=length > 0)
    return first, second, passed.clip(0, 1)[:, None]
