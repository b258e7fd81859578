"""The heartbeat of a collector: renews the leases of polls under way.

It also detects a stuck collector loop.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread

from oslo_log import log

from openstats.errors import CollectorError, LeaseLostError, StoreError
from openstats.model import Lease
from openstats.storage import jobs
from openstats.storage.store import Store

LOG = log.getLogger(__name__)

STUCK_AFTER = 120.0
"""Seconds without an iteration after which the loop counts as stuck."""


class Heartbeat:
    """Renews leases by ``seconds``, every third of that time, in its own thread."""

    def __init__(self, store: Store, seconds: float, clock: Callable[[], float]) -> None:
        self._store = store
        self._seconds = seconds
        self._clock = clock
        self._leases: dict[str, Lease] = {}
        self._stopped = Event()
        self._turned_at: float | None = None
        Thread(target=self._beat, name="heartbeat", daemon=True).start()

    @property
    def leases(self) -> list[Lease]:
        """The leases that are renewed."""
        return list(self._leases.values())

    def add(self, lease: Lease) -> None:
        """Renew a lease from now on."""
        self._leases[lease.token] = lease

    def remove(self, lease: Lease) -> None:
        """Stop renewing a lease."""
        del self._leases[lease.token]

    def note_turn(self) -> None:
        """Record an iteration of the collector's loop."""
        self._turned_at = time.monotonic()

    def check(self) -> None:
        """Raise CollectorError if the loop was started and is stuck (``STUCK_AFTER``)."""
        if self._turned_at is None or self._stopped.is_set():
            return
        if (seconds := time.monotonic() - self._turned_at) > STUCK_AFTER:
            raise CollectorError(f"the collector has not looked for work for {seconds:.0f} s")

    def stop(self) -> None:
        """Stop renewing leases."""
        self._stopped.set()

    def _beat(self) -> None:
        while not self._stopped.wait(self._seconds / 3):
            for lease in self.leases:
                self._renew(lease)

    def _renew(self, lease: Lease) -> None:
        # The poll itself handles a lease that was lost.
        try:
            with suppress(LeaseLostError), self._store.transaction() as db:
                jobs.renew(db, lease, self._clock() + self._seconds)
        except StoreError as error:
            LOG.warning("%s", error)
        except Exception:
            LOG.exception("a defect of openstats in renewing a lease")
