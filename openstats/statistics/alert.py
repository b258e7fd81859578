"""Alert: how many were active, by severity; and when a share of something becomes one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from openstats.severities import ERROR, SEVERITIES, WARNING


def summary(counts: Mapping[str, int]) -> dict[str, int]:
    """Return one number for each severity; ``counts`` has those that there are any of."""
    return {severity: counts.get(severity, 0) for severity in SEVERITIES}


def datapoints(
    pieces: Iterable[tuple[int, int]], counts: Iterable[Mapping[str, int]]
) -> list[dict[str, int]]:
    """Return one ``{from, to, <severities>}`` a piece."""
    points = []
    for (start, end), piece_counts in zip(pieces, counts, strict=True):
        points.append({"from": start, "to": end} | summary(piece_counts))
    return points


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which percentage on a use is a Warning, and an Error.

    A severity once reached is left only when the use is ``margin`` percentage points below.
    """

    warning: float
    error: float
    margin: float = 0

    def severity(self, in_use: int, limit: int, open_severity: str | None) -> str | None:
        """Return how bad a use is, None if it is not; an alert may be open with a severity."""
        percent = 100 * in_use / limit
        error_margin = self.margin if open_severity == ERROR else 0
        if percent >= self.error - error_margin:
            return ERROR
        warning_margin = self.margin if open_severity in (WARNING, ERROR) else 0
        return WARNING if percent >= self.warning - warning_margin else None
