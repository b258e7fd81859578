"""Since when a collector is at work: it may sleep, be stopped, or have its clock set.

What it could not see meanwhile says nothing of clouds. Leases and readings are not its affair.
"""

from collections.abc import Callable

from oslo_log import log

LOG = log.getLogger(__name__)

STEP = 5.0
"""Seconds from which on a step of the clock is said."""

BREAK = 120.0
"""Seconds without a look after which a collector was not at work; it looks every few seconds."""

HOUSEKEEPING = 60.0
"""Seconds of uptime after which alerts are looked after again."""


class WorkingTime:
    """Remembers since when, in Unix seconds, a collector has been at work without a break.

    ``clock`` gives Unix seconds, ``uptime`` seconds that pass whatever the clock is set to.
    """

    def __init__(self, clock: Callable[[], float], uptime: Callable[[], float]) -> None:
        self._clock, self._uptime = clock, uptime
        self._since = clock()
        self._looked_at: tuple[float, float] | None = None
        self._kept_house_at = -HOUSEKEEPING

    def look(self) -> bool:
        """Note that the collector is at work now, and looks every few seconds from now on.

        Return whether it is time to look after alerts, whether or not a poll came to an end.
        """
        self._note()
        uptime = self._uptime()
        if uptime - self._kept_house_at < HOUSEKEEPING:
            return False
        self._kept_house_at = uptime
        return True

    def _note(self) -> None:
        now, uptime = self._clock(), self._uptime()
        then, uptime_then = self._looked_at or (now, uptime)
        step = (now - then) - (uptime - uptime_then)
        if abs(step) > STEP:
            LOG.warning("the clock was set by %+.0f s, or the machine slept", step)
        if now < then or max(now - then, uptime - uptime_then) > BREAK:
            self._since = now
        self._looked_at = now, uptime

    def since(self) -> float:
        """Return since when it is at work; one that never looked runs on demand, without breaks."""
        if self._looked_at:
            self._note()
        return self._since
