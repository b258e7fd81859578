"""The odometer's data model: readings, and the owners of their slots, as numpy arrays.

As in ``openstats.model``: no I/O, and no arithmetic beyond a value's own properties.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

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

    ``vectors`` is float64 of shape (2, slots): totals and weights. A tenant keeps its slot for
    ever. Slot 0 is the cloud's clock: its weight is the seconds observed so far, its total is 0.
    A reading may be shorter than the newest: it lacks the slots of tenants that are newer than it.
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
    """At least one reading of a cloud, for one meter, as columns in order of time.

    ``at`` is int64. ``vectors`` is float64 of shape (readings, 2, slots), as in ``Reading``, with
    NaN in the slots that a reading lacks. If only a range of slots was read, the vectors hold the
    clock followed by that range, which begins at the slot ``first``.
    """

    at: "Column"
    vectors: "Matrix"
    first: int = 1


TenantKey = TypeVar("TenantKey", str, int)


@dataclass(frozen=True, slots=True)
class Delta(Generic[TenantKey]):
    """The growth of the totals of one meter in the ``seconds`` before ``at``.

    ``gains`` maps tenants to (total, weight); a tenant in neither ``gains`` nor ``unobserved`` used
    nothing. Tenants are Keystone ids (str), or slots (int) once storage has assigned them.
    """

    at: int
    seconds: float
    gains: Mapping[TenantKey, tuple[float, float]]
    unobserved: frozenset[TenantKey] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Members:
    """The slots that make up objects, each for a period: int64 columns of equal length.

    ``tenants`` are row ids, ``owners`` are indices into ``objects``. A slot belongs to its owner
    during ``[since, until)``. Rows are ordered by cloud, then owner. ``counted`` is 1 for tenants
    that count and belong to the owner now; the column is None if it was not requested.
    """

    objects: Sequence[ObjectName]
    tenants: "Column"
    clouds: "Column"
    slots: "Column"
    owners: "Column"
    since: "Column"
    until: "Column"
    counted: "Column | None" = None
