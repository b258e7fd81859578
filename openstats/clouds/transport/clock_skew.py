"""The skew between the clocks of a cloud and the local one, from the dates of its responses."""

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests
from oslo_log import log

LOG = log.getLogger(__name__)

WRONG_FROM = 60
"""Seconds of skew from which a clock is reported as wrong."""

AHEAD = "ahead of ours: what it dates in the future counts from when it was seen first"
BEHIND = "behind ours: changes are asked for from as much earlier"


class ClockSkew:
    """The skew of the clocks of one cloud's hosts: seconds ahead of the local clock, by host."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._ahead: dict[str, float] = {}

    @property
    def sentences(self) -> list[str]:
        """A sentence for each host whose clock is wrong."""
        wrong = {host: ahead for host, ahead in self._ahead.items() if abs(ahead) >= WRONG_FROM}
        return [_sentence(host, ahead) for host, ahead in wrong.items()]

    @property
    def behind(self) -> int:
        """Seconds by which the slowest clock is behind the local one; 0 if none is behind."""
        latest = min(self._ahead.values(), default=0.0)
        return int(max(0.0, -latest))

    def observe(self, cloud: str, response: requests.Response) -> None:
        """Update the skew of a host from the date of a response; log when it becomes wrong."""
        host = urlsplit(response.url).netloc.rpartition("@")[2]
        try:
            date = parsedate_to_datetime(response.headers["Date"]).timestamp()
        except (LookupError, TypeError, ValueError, OverflowError):
            return
        if "Age" in response.headers:
            # The response comes from a cache.
            return
        ahead = self._least_skew(date, response.elapsed.total_seconds())
        if abs(ahead) >= WRONG_FROM > abs(self._ahead.get(host, 0.0)):
            LOG.warning("%s: %s", cloud, _sentence(host, ahead))
        self._ahead[host] = ahead

    def _least_skew(self, date: float, elapsed: float) -> float:
        """Return the smallest skew in seconds that explains the date of a response.

        The host read its clock some time during the request, which took ``elapsed`` seconds.
        ``date`` is in Unix seconds.
        """
        end = self._clock()
        if date > end:
            return date - end
        # A date has whole seconds.
        return min(0.0, date + 1 - (end - elapsed))


def _sentence(host: str, ahead: float) -> str:
    direction = AHEAD if ahead > 0 else BEHIND
    return f"the clock of {host} is {int(abs(ahead))} s {direction}; set the clocks right (NTP)"
