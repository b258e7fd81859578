"""How long a call waits for a cloud that asks for it, or that fails over, before it is repeated.

Who sends the request, and what its answer means, does not live here.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LATER = (413, 429, 503)
"""Statuses that may say in Retry-After when to ask again."""

FAILING_OVER = (429, 502, 503, 504)
"""Statuses that are worth a second try where nothing is said."""

PAUSES = (1.0, 3.0)
"""Seconds before the repetitions of a call for which nobody asked."""

SHORTEST = 0.5
"""Seconds to wait at least: "Retry-After: 0" is not to be taken literally for ever."""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that ``Retry-After`` asks for, in either of its forms; None without it.

    A date is compared with the answer's own ``Date``, so that clocks need not agree.
    """
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdecimal():
        return float(value[:9])
    date = _moment(value)
    if date is None:
        return None
    now = _moment(headers.get("Date", "")) or datetime.now(UTC)
    return max(0.0, (date - now).total_seconds())


def _moment(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class Patience:
    """The seconds that one call may still wait; none of them: it is not repeated."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds
        self._pauses = iter(PAUSES)

    def after(self, status: int, headers: Mapping[str, str]) -> float | None:
        """Return the seconds to wait before the call is repeated; None: its answer stands."""
        wait = retry_after(headers) if status in LATER else None
        if wait is not None:
            return self._spent(max(wait, SHORTEST))
        return self.after_failure() if status in FAILING_OVER else None

    def after_failure(self) -> float | None:
        """Return the seconds to wait after a connection that was refused or broken; or None."""
        pause = next(self._pauses, None)
        return None if pause is None else self._spent(pause)

    def _spent(self, pause: float) -> float | None:
        if pause > self._left:
            return None
        self._left -= pause
        return pause
