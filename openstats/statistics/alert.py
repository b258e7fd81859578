"""Alert: the documents of its figures, and the thresholds of openstats' own alert rules."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from openstats.severities import ERROR, SEVERITIES, WARNING


def summary(counts: Mapping[str, int]) -> dict[str, int]:
    """Return one number for each severity; those missing from ``counts`` are 0."""
    return {severity: counts.get(severity, 0) for severity in SEVERITIES}


def datapoints(
    intervals: Iterable[tuple[int, int]], counts: Iterable[Mapping[str, int]]
) -> list[dict[str, int]]:
    """Return one ``{from, to, <severities>}`` for each interval."""
    points = []
    for (start, end), interval_counts in zip(intervals, counts, strict=True):
        points.append({"from": start, "to": end} | summary(interval_counts))
    return points


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The percentages at which use becomes a Warning or an Error.

    A severity ends only when use falls more than ``margin`` percentage points below its threshold
    (hysteresis).
    """

    warning: float
    error: float
    margin: float = 0

    def severity(self, in_use: int, limit: int, open_severity: str | None) -> str | None:
        """Return the severity of a use, or None; ``open_severity`` is that of the open alert."""
        percent = 100 * in_use / limit
        error_margin = self.margin if open_severity == ERROR else 0
        if percent >= self.error - error_margin:
            return ERROR
        warning_margin = self.margin if open_severity in (WARNING, ERROR) else 0
        return WARNING if percent >= self.warning - warning_margin else None
