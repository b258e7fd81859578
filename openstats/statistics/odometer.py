"""The odometer: running totals that advance delta by delta, and can be read at any moment.

Between two readings they are linear; before the first and after the last, nothing is known.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from openstats.meters import SHARE, UsageMeter
from openstats.readings import Delta, Reading, Readings

CLOCK = 0
"""The slot of the cloud's clock: its weight is the seconds for which the cloud was observed."""

Slots = NDArray[np.int64]
Moments = NDArray[np.int64]
Indices = NDArray[np.intp]
Matrix = NDArray[np.float64]


def first_reading(at: int) -> Reading:
    """Return a cloud's first reading, at which counting begins."""
    return Reading(at, np.zeros((2, 1)))


def end_of_gap(last: Reading, at: int) -> Reading:
    """Return the reading that ends a gap: the totals stay, since use in the gap is unknown."""
    return Reading(at, last.vectors)


def advance(last: Reading, delta: Delta[int], meter: UsageMeter) -> Reading:
    """Return the reading after a delta; the delta's tenants are slots."""
    length = 1 + max(len(last.totals) - 1, *delta.gains, *delta.unobserved, CLOCK)
    vectors = _lengthened(last, length, meter)
    totals, weights = vectors
    slots = np.fromiter(delta.gains, np.intp, len(delta.gains))
    gains = np.array(list(delta.gains.values()), np.float64).reshape(-1, 2)
    weights[CLOCK] += delta.seconds
    if meter.kind != SHARE:
        weights[_idle(length, slots, delta)] += delta.seconds
    totals[slots] += gains[:, 0]
    weights[slots] += gains[:, 1]
    return Reading(delta.at, vectors)


def _idle(length: int, slots: NDArray[np.intp], delta: Delta[int]) -> NDArray[np.bool_]:
    """Return a mask of the slots whose tenants were observed, and used nothing."""
    idle = np.ones(length, np.bool_)
    idle[CLOCK] = False
    idle[slots] = False
    idle[list(delta.unobserved)] = False
    return idle


def _lengthened(reading: Reading, length: int, meter: UsageMeter) -> Matrix:
    """Return copies of the vectors, extended with slots for new tenants.

    Before a tenant existed, it used nothing, and was observed for as long as its cloud.
    """
    padding = np.zeros((2, length - reading.vectors.shape[1]))
    if meter.kind != SHARE:
        padding[1] = reading.weights[CLOCK]
    return np.concatenate([reading.vectors, padding], axis=1)


def interpolate(
    readings: Readings, moments: Sequence[int] | Moments, slots: Slots, meter: UsageMeter
) -> Matrix:
    """Return the totals and weights of slots at moments, of shape (moments, 2, slots).

    ``readings`` must contain those around each moment; moments are Unix seconds.
    """
    vectors = _vectors_of(readings, slots, meter)
    first, second, share = _neighbours(readings.at, np.asarray(moments))
    begins = vectors.take(first, 0)
    return begins + share * (vectors.take(second, 0) - begins)


def _vectors_of(readings: Readings, slots: Slots, meter: UsageMeter) -> Matrix:
    """Return the vectors of slots, of shape (readings, 2, slots).

    Slots that a reading lacks are filled as in ``_lengthened``.
    """
    indices = np.maximum(slots - (readings.first - 1), CLOCK)
    vectors: Matrix = readings.vectors.take(indices, 2, mode="clip")
    vectors[..., indices >= readings.vectors.shape[2]] = np.nan
    lacking = np.isnan(vectors[:, 0])
    if lacking.any():
        clock = 0 if meter.kind == SHARE else readings.vectors[:, 1, CLOCK, None]
        np.copyto(vectors[:, 0], 0, where=lacking)
        np.copyto(vectors[:, 1], clock, where=lacking)
    return vectors


def _neighbours(at: Moments, moments: Moments) -> tuple[Indices, Indices, Matrix]:
    """Return the indices of the readings around each moment, and its relative position, 0 to 1.

    At a reading, before the first and after the last, both indices are that of the one reading.
    """
    first = np.maximum(at.searchsorted(moments, "right") - 1, 0)
    second = np.minimum(at.searchsorted(moments), len(at) - 1)
    begins = at[first]
    share = (moments - begins) / np.maximum(at[second] - begins, 1)
    return first, second, share[:, None, None]
