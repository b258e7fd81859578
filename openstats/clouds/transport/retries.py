"""When a call is repeated, and how long before: because the cloud asks for it, or fails over.

Who sends the request, and what its answer means, does not live here.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests

BUSY = (413, 429, 503)
"""Statuses that may say in Retry-After when to ask again."""

FAILING_OVER = (429, 502, 503, 504)
"""Statuses that are worth another try where Retry-After is missing."""

PAUSES = (1.0, 3.0)
"""Seconds before the repetitions of a call for which no pause is requested."""

SHORTEST = 0.5
"""Seconds to wait at least: "Retry-After: 0" is not to be taken literally for ever."""

LONGEST = 3600.0
"""Seconds that a cloud may ask to be left alone: it must not be forgotten for a typing error."""


def requested_pause(response: requests.Response | None) -> float:
    """Return the seconds for which a response asks to be left alone; 0 without a response."""
    return 0.0 if response is None else min(retry_after(response.headers) or 0.0, LONGEST)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that ``Retry-After`` asks for, in either of its forms; None without it.

    A date is compared with the answer's own ``Date``, so that clocks need not agree.
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
    """The seconds that one call may still wait; a call whose budget is spent is not repeated."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._pauses = iter(PAUSES)

    def pause_after(self, status: int, headers: Mapping[str, str]) -> float | None:
        """Return the seconds to wait before the call is repeated; None: its answer stands."""
        pause = retry_after(headers) if status in BUSY else None
        if pause is not None:
            return self._spend(max(pause, SHORTEST))
        return self.pause_after_failure() if status in FAILING_OVER else None

    def pause_after_failure(self) -> float | None:
        """Return the seconds to wait after a connection was refused or broken; None: give up."""
        pause = next(self._pauses, None)
        return None if pause is None else self._spend(pause)

    def _spend(self, pause: float) -> float | None:
        if pause > self._seconds:
            return None
        self._seconds -= pause
        return pause
