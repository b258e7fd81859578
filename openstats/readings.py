"""The nouns of the odometer: readings, and the slots of owners in them, in numpy's arrays.

As in ``openstats.model``: no I/O, and no arithmetic but what a noun says of itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from openstats.model import ObjectName

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]
    Matrix = NDArray[np.float64]
    Column = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """Running totals of a cloud's tenants at one moment, for one ``meters.UsageMeter``.

    Two vectors of float64, totals and weights: a tenant has the same slot for ever. Slot 0 is the
    cloud's clock: its weight is the seconds observed at all, its total stays 0. A reading that is
    shorter than the newest is older than the tenants of the slots that it lacks.
    """

    at: int
    vectors: "Matrix"

    @property
    def totals(self) -> "Vector":
        """The amounts used so far, by slot."""
        return self.vectors[0]  # type: ignore[no-any-return]

    @property
    def weights(self) -> "Vector":
        """The divisors of the totals, by slot."""
        return self.vectors[1]  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """Readings of a cloud, for one meter, in columns and in order of time; at least one.

    ``at`` is int64, ``vectors`` float64 of shape (readings, 2, slots): as those of ``Reading``, and
    NaN in the slots that a reading lacks. Where only a stretch of slots was read, these follow the
    clock, from the slot ``first`` on.
    """

    at: "Column"
    vectors: "Matrix"
    first: int = 1


@dataclass(frozen=True, slots=True)
class Delta:
    """The growth of the totals of one meter in the ``seconds`` before ``at``.

    ``gains`` are (total, weight) by tenant; a tenant in neither it nor ``unobserved`` used nothing.
    Tenants are Keystone ids, or slots once storage has assigned them.
    """

    at: int
    seconds: float
    gains: Mapping[Any, tuple[float, float]]
    unobserved: frozenset[Any] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Members:
    """The slots that make up objects, each for a time: columns of int64, of one length.

    ``tenants`` are row ids, ``owners`` indices into ``objects``; a slot belongs to its owner in
    ``[since, until)``. Rows are in order of clouds, then owners. ``counted`` is 1 of tenants that
    count and are the owner's now; None where that is not asked.
    """

    objects: Sequence[ObjectName]
    tenants: "Column"
    clouds: "Column"
    slots: "Column"
    owners: "Column"
    since: "Column"
    until: "Column"
    counted: "Column | None" = None
