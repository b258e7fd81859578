"""A figure that was measured, and the bound that it is held to."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Result:
    """A figure by the name under which it is followed; ``spread`` is the lowest and the highest."""

    name: str
    value: float
    unit: str
    bound: float | None
    better: str
    runs: int
    spread: tuple[float, float]

    @property
    def met(self) -> bool:
        """Whether the bound is kept; without one, always."""
        if self.bound is None:
            return True
        return self.value >= self.bound if self.better == "higher" else self.value <= self.bound

    def document(self) -> dict[str, object]:
        """Give it as it is written to results.json."""
        return asdict(self) | {"met": self.met}


def median(
    name: str, values: Sequence[float], unit: str, bound: float | None, better: str
) -> Result:
    """Make a result of several runs: their median, beside the lowest and the highest."""
    middle = round(statistics.median(values), 3)
    spread = round(min(values), 3), round(max(values), 3)
    return Result(name, middle, unit, bound, better, len(values), spread)


def ratio(name: str, ours: Sequence[float], others: Sequence[float], bound: float | None) -> Result:
    """Make a result of what was measured in turn, pair by pair: ours divided by the other."""
    values = [mine / other for mine, other in zip(ours, others, strict=True)]
    return median(name, values, "ratio", bound, "lower")
