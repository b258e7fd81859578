"""The working time of a collector: it may sleep, be stopped, or have its clock set.

What it could not see meanwhile says nothing of clouds. Leases and readings do not depend on it.
"""

from collections.abc import Callable

from oslo_log import log

LOG = log.getLogger(__name__)

STEP = 5.0
"""Seconds from which on a step of the clock is logged."""

BREAK = 120.0
"""Seconds without a turn after which a collector was not at work; it has one every few seconds."""

HOUSEKEEPING = 60.0
"""Seconds of uptime after which housekeeping is due again."""


class WorkingTime:
    """Remembers since when, in Unix seconds, a collector has been at work without a break.

    ``clock`` returns Unix seconds, ``uptime`` seconds that pass whatever the clock is set to.
    """

    def __init__(self, clock: Callable[[], float], uptime: Callable[[], float]) -> None:
        self._clock, self._uptime = clock, uptime
        self._since = clock()
        self._last_turn: tuple[float, float] | None = None
        self._last_housekeeping = -HOUSEKEEPING

    def note_turn(self) -> bool:
        """Note that the collector is at work now, and will be every few seconds.

        Return whether housekeeping is due, which is noted as done.
        """
        self._compare_clocks()
        uptime = self._uptime()
        if uptime - self._last_housekeeping < HOUSEKEEPING:
            return False
        self._last_housekeeping = uptime
        return True

    def since(self) -> float:
        """Return since when it is at work; without turns it runs on demand, without breaks."""
        if self._last_turn:
            self._compare_clocks()
        return self._since

    def _compare_clocks(self) -> None:
        now, uptime = self._clock(), self._uptime()
        last_now, last_uptime = self._last_turn or (now, uptime)
        step = (now - last_now) - (uptime - last_uptime)
        if abs(step) > STEP:
            LOG.warning("the clock was set by %+.0f s, or the machine slept", step)
        if now < last_now or max(now - last_now, uptime - last_uptime) > BREAK:
            self._since = now
        self._last_turn = now, uptime
