"""The clock of the store: the database server's if there is one, so that all collectors agree."""

import time
from collections.abc import Callable
from functools import partial
from threading import Lock

from oslo_log import log

from openstats.errors import StoreError
from openstats.storage.dialects import server_time
from openstats.storage.store import Store

LOG = log.getLogger(__name__)

COMPARISON = 30.0
"""Seconds between comparisons of the machine's clock with the server's."""

STEP = 5.0
"""Seconds of difference above which a step of a clock is logged."""

uptime = partial(time.clock_gettime, time.CLOCK_BOOTTIME)
"""Return the seconds since this machine was started, including time in suspend."""


def clock_of(store: Store) -> Callable[[], float]:
    """Return a function that returns Unix seconds: this machine's clock if the store is a file."""
    return time.time if store.embedded else ServerClock(store)


class ServerClock:
    """A clock of Unix seconds that follows the server's; between comparisons it uses the uptime.

    Leases compare times of several machines. If each machine used its own clock, one that is ahead
    would take over other machines' jobs, and one that is behind would wait longer than it has to.
    """

    def __init__(self, store: Store, uptime: Callable[[], float] = uptime) -> None:
        self._store = store
        self._uptime = uptime
        self._lock = Lock()
        self._compared_at: float | None = None
        self._offset = time.time() - uptime()

    def __call__(self) -> float:
        """Return the time in Unix seconds; compare with the server first if that is due."""
        last = self._compared_at
        is_due = last is None or self._uptime() - last > COMPARISON
        if is_due and self._lock.acquire(blocking=False):
            try:
                self._compare()
            finally:
                self._lock.release()
        return self._uptime() + self._offset

    def _compare(self) -> None:
        began_at = self._uptime()
        try:
            with self._store.read() as db:
                now = server_time(db)
        except StoreError as error:
            LOG.debug("the clock goes on by itself: %s", error)
            # Do not retry at once: callers must not wait for the store.
            self._compared_at = self._uptime()
            return
        offset = now - (began_at + self._uptime()) / 2
        difference = offset - self._offset
        if abs(difference) > STEP:
            whose = "this machine's" if self._compared_at is None else "its own before"
            LOG.warning("the store's clock differs by %+.0f s from %s", difference, whose)
        self._offset, self._compared_at = offset, self._uptime()
