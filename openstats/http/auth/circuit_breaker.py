"""A circuit breaker: what just kept callers waiting in vain is not asked again at once.

It knows no HTTP.
"""

from collections.abc import Callable
from time import monotonic

SLOW = 1.0
"""Seconds from which on a failure counts: one that comes at once holds nobody up."""

PAUSE = 5.0
"""Seconds for which nobody asks."""


class CircuitBreaker:
    """Open after a failure that took long; while it is open, nobody should wait for the same."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self.clock = clock
        self._open_until = 0.0

    @property
    def open(self) -> bool:
        """Whether not to ask now."""
        return self.clock() < self._open_until

    def note_failure(self, began: float) -> None:
        """Note a failure of what began at a time of the clock."""
        now = self.clock()
        if now - began >= SLOW:
            self._open_until = now + PAUSE
