"""Refused notifications: logged once a minute for each receiver, and counted.

Their senders do not repeat them, so what they report is lost until somebody looks. Nothing here
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
"""Where the environment of a request says why it was refused, if the receiver itself did."""

UNKNOWN = ""
"""The name under which those are counted that name no receiver: outsiders may name any number."""

MINUTE = 60.0


@dataclass
class Pending:
    """What of one receiver is not in the store yet, and when the log last told of it."""

    refusal: Refusal | None = None
    logged_at: float = -MINUTE


class Refusals:
    """Counts what receivers refuse; safe to share between threads.

    The store is written once a minute at most, so that outsiders cannot keep it busy. ``names``
    are the receivers that there are, ``clock`` gives Unix seconds, ``uptime`` seconds that pass.
    """

    def __init__(
        self,
        store: Store,
        names: Iterable[str],
        clock: Callable[[], float],
        uptime: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._clock, self._uptime = store, clock, uptime
        self._pending = {name: Pending() for name in (*names, UNKNOWN)}
        self._lock = Lock()

    def add(self, name: str, status: int, reason: str) -> None:
        """Count a refused notification to a receiver, and log it unless one was logged just now."""
        name = name if name in self._pending else UNKNOWN
        with self._lock:
            pending = self._pending[name]
            number = 1 + (pending.refusal.number if pending.refusal else 0)
            refusal = Refusal(number, int(self._clock()), f"{status}: {reason}")
            pending.refusal = refusal
            if self._uptime() - pending.logged_at < MINUTE:
                return
            pending.logged_at, pending.refusal = self._uptime(), None
        receiver = f"receiver {name}" if name else "receivers that do not exist"
        notifications = "1 notification was" if number == 1 else f"{number} notifications were"
        LOG.warning("%s refused, sent to %s: %s", notifications, receiver, refusal.reason)
        self._write(name, refusal)

    def _write(self, name: str, refusal: Refusal) -> None:
        try:
            with self._store.transaction() as db:
                count_refusal(db, name, refusal)
        except StoreError as error:
            LOG.warning("%s: what was refused is not counted: %s", name, error)

    def pending(self) -> dict[str, Refusal]:
        """Return what was refused and is not in the store yet, by receiver."""
        with self._lock:
            pending = [(name, one.refusal) for name, one in self._pending.items()]
        return {name: refusal for name, refusal in pending if refusal}


def around(app: WSGIApplication, refusals: Refusals, url: str) -> WSGIApplication:
    """Return an application that counts which POST below a URL it answers with a 4xx."""

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        name = environ["PATH_INFO"].removeprefix(url)
        if environ["REQUEST_METHOD"] != "POST" or name in ("", environ["PATH_INFO"]):
            return app(environ, start_response)

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            if status.startswith("4"):
                refusals.add(name.rstrip("/"), int(status[:3]), environ.get(REASON, status[4:]))
            return start_response(status, headers, *error)

        return app(environ, start)

    return application
