"""The clock of the store: its server's, where it has one, so that all collectors agree."""

import time
from collections.abc import Callable
from functools import partial
from threading import Lock

from oslo_log import log
from sqlalchemy import text

from openstats.errors import StoreError
from openstats.storage.store import Store

LOG = log.getLogger(__name__)

COMPARISON = 30.0
"""Seconds after which the clocks are compared again."""

STEP = 5.0
"""Seconds of difference from which on a step of a clock is logged."""

uptime = partial(time.clock_gettime, time.CLOCK_BOOTTIME)
"""Return seconds since this machine was started, also those for which it slept."""


def clock_of(store: Store) -> Callable[[], float]:
    """Return a clock of Unix seconds: this machine's where the store is a file on it."""
    return time.time if store.embedded else ServerClock(store)


class ServerClock:
    """Unix seconds by a server's clock; between two comparisons, by this machine's uptime.

    Leases compare times of several machines. With clocks of their own, a machine that is ahead
    would take over the jobs of others, and one that is behind would wait for as long.
    """

    def __init__(self, store: Store, uptime: Callable[[], float] = uptime) -> None:
        self._store = store
        self._uptime = uptime
        self._lock = Lock()
        self._compared_at: float | None = None
        self._offset = time.time() - uptime()

    def __call__(self) -> float:
        """Return the time; ask the server now and then."""
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
                now = float(db.scalar(text("SELECT extract(epoch FROM clock_timestamp())")) or 0)
        except StoreError as error:
            LOG.debug("the clock goes on by itself: %s", error)
            # Not at once again: callers must not wait for the store.
            self._compared_at = self._uptime()
            return
        offset = now - (began_at + self._uptime()) / 2
        difference = offset - self._offset
        if abs(difference) > STEP:
            whose = "this machine's" if self._compared_at is None else "its own before"
            LOG.warning("the store's clock differs by %+.0f s from %s", difference, whose)
        self._offset, self._compared_at = offset, self._uptime()
