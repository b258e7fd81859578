"""Alert: how many were active, by severity; and when a share of something becomes one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from openstats.alerts import SEVERITIES

WARNING, ERROR = "Warning", "Error"


def summary(counts: Mapping[str, int]) -> dict[str, int]:
    """Give one key for each severity; ``counts`` has those that there are any of."""
    return {severity: counts.get(severity, 0) for severity in SEVERITIES}


def datapoints(
    pieces: Iterable[tuple[int, int]], counts: Iterable[Mapping[str, int]]
) -> list[dict[str, int]]:
    """Return one ``{from, to, <severities>}`` a piece."""
    return [
        {"from": start, "to": end} | summary(of)
        for (start, end), of in zip(pieces, counts, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which percentage on a use is a Warning, and an Error.

    A severity once reached is left only when the use is ``margin`` percentage points below.
    """

    warning: float
    error: float
    margin: float = 0

    def severity(self, used: int, of: int, before: str | None) -> str | None:
        """Tell how bad a use is, given the severity of the alert that is open, if there is one."""
        percent = 100 * used / of
        if percent >= self.error - self._slack(before, ERROR):
            return ERROR
        return WARNING if percent >= self.warning - self._slack(before, WARNING, ERROR) else None

    def _slack(self, before: str | None, *held_by: str) -> float:
        return self.margin if before in held_by else 0
