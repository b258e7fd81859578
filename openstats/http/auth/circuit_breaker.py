"""A circuit breaker: after a slow failure of a service, callers skip it for a while.

Knows no HTTP.
"""

from collections.abc import Callable
from time import monotonic

SLOW = 1.0
"""Seconds after which a failure counts as slow; fast failures do not open the breaker."""

PAUSE = 5.0
"""Seconds for which the breaker stays open."""


class CircuitBreaker:
    """A breaker that opens after a slow failure; while it is open, callers should not try."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self.clock = clock
        self._open_until = 0.0

    @property
    def open(self) -> bool:
        """Whether callers should not try now."""
        return self.clock() < self._open_until

    def note_failure(self, began: float) -> None:
        """Note the failure of an attempt that began at ``began``, in seconds of the clock."""
        now = self.clock()
        if now - began >= SLOW:
            self._open_until = now + PAUSE
