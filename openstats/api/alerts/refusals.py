"""Refused notifications: counted, and logged at most once a minute for each receiver.

Senders do not repeat them, so the alerts in them are lost until somebody notices. Nothing here
decides what is refused.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Lock
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from oslo_log import log

from openstats.alerts import Refusal
from openstats.errors import StoreError
from openstats.storage.alerts.receivers import count_refusal
from openstats.storage.store import Store

LOG = log.getLogger(__name__)

REASON = "openstats.refusal"
"""Key of the WSGI environment that says why the receiver refused the request."""

UNKNOWN = ""
"""The name under which all unknown receivers are counted: outsiders can make up any number."""

MINUTE = 60.0


@dataclass
class ReceiverState:
    """The refusals of one receiver that are not stored yet, and the time of its last log line."""

    refusal: Refusal | None = None
    logged_at: float = -MINUTE


class Refusals:
    """Counts refused notifications; safe to share between threads.

    For each receiver, the store is written at most once a minute, so that outsiders cannot keep it
    busy. ``names`` are the receivers, ``clock`` returns Unix seconds, ``uptime`` monotonic seconds.
    """

    def __init__(
        self,
        store: Store,
        names: Iterable[str],
        clock: Callable[[], float],
        uptime: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._clock, self._uptime = store, clock, uptime
        self._states = {name: ReceiverState() for name in (*names, UNKNOWN)}
        self._lock = Lock()

    def add(self, name: str, status: int, reason: str) -> None:
        """Count a refused notification; log and store it if the last log line is a minute old."""
        name = name if name in self._states else UNKNOWN
        with self._lock:
            state = self._states[name]
            number = 1 + (state.refusal.number if state.refusal else 0)
            refusal = Refusal(number, int(self._clock()), f"{status}: {reason}")
            state.refusal = refusal
            if self._uptime() - state.logged_at < MINUTE:
                return
            state.logged_at, state.refusal = self._uptime(), None
        receiver = f"receiver {name}" if name else "unknown receivers"
        notifications = "1 notification was" if number == 1 else f"{number} notifications were"
        LOG.warning("%s refused, sent to %s: %s", notifications, receiver, refusal.reason)
        self._write(name, refusal)

    def _write(self, name: str, refusal: Refusal) -> None:
        try:
            with self._store.transaction() as db:
                count_refusal(db, name, refusal)
        except StoreError as error:
            LOG.warning("%s: refused notifications are not counted: %s", name, error)

    def pending(self) -> dict[str, Refusal]:
        """Return the refusals that are not stored yet, by receiver."""
        with self._lock:
            refusals = {name: state.refusal for name, state in self._states.items()}
        return {name: refusal for name, refusal in refusals.items() if refusal}


def around(app: WSGIApplication, refusals: Refusals, url: str) -> WSGIApplication:
    """Return an application that counts POST requests below ``url`` that get a 4xx response."""

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        name = environ["PATH_INFO"].removeprefix(url)
        if environ["REQUEST_METHOD"] != "POST" or name in ("", environ["PATH_INFO"]):
            return app(environ, start_response)

        def start(
            status: str, headers: list[tuple[str, str]], *error: Any
        ) -> Callable[[bytes], object]:
            if status.startswith("4"):
                refusals.add(name.rstrip("/"), int(status[:3]), environ.get(REASON, status[4:]))
            return start_response(status, headers, *error)

        return app(environ, start)

    return application
