"""The working time of a collector: detects suspensions, stops and changes of the clock.

The age of figures is judged only over time in which the collector was at work. Leases and readings
do not depend on it.
"""

from collections.abc import Callable

from oslo_log import log

LOG = log.getLogger(__name__)

LOGGED_STEP = 5.0
"""Clock steps longer than this many seconds are logged."""

BREAK_SECONDS = 120.0
"""Seconds without a turn that count as a break; a running collector has one every few seconds."""

HOUSEKEEPING_PERIOD = 60.0
"""Seconds of uptime between two runs of the housekeeping."""


class WorkingTime:
    """Records the Unix time from which a collector has been at work without a break.

    ``clock`` returns Unix seconds, ``uptime`` seconds of a monotonic clock.
    """

    def __init__(self, clock: Callable[[], float], uptime: Callable[[], float]) -> None:
        self._clock, self._uptime = clock, uptime
        self._since = clock()
        self._last_turn: tuple[float, float] | None = None
        self._last_housekeeping = -HOUSEKEEPING_PERIOD

    def note_turn(self) -> bool:
        """Record a turn of the collector's loop; return whether housekeeping is due now.

        If it is due, record it as done.
        """
        self._compare_clocks()
        uptime = self._uptime()
        if uptime - self._last_housekeeping < HOUSEKEEPING_PERIOD:
            return False
        self._last_housekeeping = uptime
        return True

    def since(self) -> float:
        """Return the Unix time from which the collector has been at work without a break.

        Without turns (a cycle on demand), no breaks are detected.
        """
        if self._last_turn:
            self._compare_clocks()
        return self._since

    def _compare_clocks(self) -> None:
        now, uptime = self._clock(), self._uptime()
        last_now, last_uptime = self._last_turn or (now, uptime)
        step = (now - last_now) - (uptime - last_uptime)
        if abs(step) > LOGGED_STEP:
            LOG.warning("the clock was set by %+.0f s, or the machine slept", step)
        if now < last_now or max(now - last_now, uptime - last_uptime) > BREAK_SECONDS:
            self._since = now
        self._last_turn = now, uptime
