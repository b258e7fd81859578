"""How far the clocks of a cloud are from ours, as the dates of its answers tell."""

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from oslo_log import log

LOG = log.getLogger(__name__)

SAID = 60
"""Seconds from which on a clock is said to be wrong."""

AHEAD = "ahead of ours: what it dates in the future counts from when it was seen first"
BEHIND = "behind ours: changes are asked for from as much earlier"


class ClockSkew:
    """What is known of the clocks of one cloud's hosts."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._ahead: dict[str, float] = {}

    @property
    def behind(self) -> int:
        """Seconds by which the latest clock is behind ours, 0 if none is."""
        return int(max(0.0, *(-ahead for ahead in self._ahead.values()), 0.0))

    def observe(self, cloud: str, response: Any) -> None:
        """Take up the date of an answer; say once that a clock is wrong."""
        host = urlsplit(response.url).netloc.rpartition("@")[2]
        try:
            date = parsedate_to_datetime(response.headers["Date"]).timestamp()
        except (LookupError, TypeError, ValueError, OverflowError):
            return
        if "Age" in response.headers:
            # A cache gave it.
            return
        ahead = self._least(date, response.elapsed.total_seconds())
        if abs(ahead) >= SAID > abs(self._ahead.get(host, 0.0)):
            what = "%s: the clock of %s is %d s %s; set the clocks right (NTP)"
            LOG.warning(what, cloud, host, abs(ahead), AHEAD if ahead > 0 else BEHIND)
        self._ahead[host] = ahead

    def _least(self, date: float, elapsed: float) -> float:
        """Return by how much a clock is ahead at least: it was read some time while we waited."""
        end = self._clock()
        if date > end:
            return date - end
        # A date has whole seconds.
        return min(0.0, date + 1 - (end - elapsed))
