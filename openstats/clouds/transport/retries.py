"""Retries: whether a call is repeated, and after which pause. Sends no requests.

A cloud may request a pause, or be failing over.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests

BUSY_STATUSES = (413, 429, 503)
"""Statuses for which Retry-After is respected."""

FAILOVER_STATUSES = (429, 502, 503, 504)
"""Statuses for which a call without Retry-After is repeated."""

PAUSES = (1.0, 3.0)
"""Seconds before each retry if the cloud requests no pause."""

MIN_PAUSE = 0.5
"""The shortest pause in seconds, even for "Retry-After: 0"."""

MAX_PAUSE = 3600.0
"""The longest pause in seconds that a cloud may request, as a guard against mistakes."""


def requested_pause(response: requests.Response | None) -> float:
    """Return the pause in seconds that a response requests; 0 without a request or response."""
    return 0.0 if response is None else min(retry_after(response.headers) or 0.0, MAX_PAUSE)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that ``Retry-After`` requests, as a number or date; None without it.

    A date is compared with the response's own ``Date``, so that clock skew does not matter.
    """
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdecimal():
        return float(value[:9])
    date = _parse_date(value)
    if date is None:
        return None
    now = _parse_date(headers.get("Date", "")) or datetime.now(UTC)
    return max(0.0, (date - now).total_seconds())


def _parse_date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


class RetryBudget:
    """The seconds that one call may still pause; without enough of them it is not repeated."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._pauses = iter(PAUSES)

    def pause_after(self, status: int, headers: Mapping[str, str]) -> float | None:
        """Return the seconds to wait before a retry; None to accept the response."""
        pause = retry_after(headers) if status in BUSY_STATUSES else None
        if pause is not None:
            return self._spend(max(pause, MIN_PAUSE))
        return self.pause_after_failure() if status in FAILOVER_STATUSES else None

    def pause_after_failure(self) -> float | None:
        """Return the seconds to wait after a failed connection or status; None to give up."""
        pause = next(self._pauses, None)
        return None if pause is None else self._spend(pause)

    def _spend(self, pause: float) -> float | None:
        if pause > self._seconds:
            return None
        self._seconds -= pause
        return pause
