"""Limits of the waits for the store, and what enforces the limit of one use of a connection."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock, Thread
from time import monotonic, sleep
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError

GRACE = 2.0
"""Seconds that the server has to cancel a statement itself before the connection is cut."""

PAUSE = 0.25
"""Seconds between checks for connections that have exceeded their time."""


@dataclass(frozen=True)
class Waits:
    """Limits in seconds: to connect, for a lock, and for one use of a connection.

    ``pool`` limits the wait for a free connection. ``use`` is None for no limit.
    """

    connect: float = 5
    pool: float = 10
    lock: float = 30
    use: float | None = None


USUAL = Waits()


class Cutter:
    """Ends each use of a connection that takes too long.

    The server's own statement_timeout does not help if the server is frozen.
    """

    def __init__(
        self,
        engine: Engine,
        waits: Waits,
        *,
        ping: Callable[[Any], None] | None,
        cut: Callable[[Any], None],
    ) -> None:
        self._waits, self._driver = waits, engine.dialect.loaded_dbapi
        self._ping, self._cut = ping, cut
        self._lock = Lock()
        self._uses: dict[int, tuple[float, Any]] = {}
        self._running = False
        event.listen(engine, "checkout", self._begin_use)
        event.listen(engine, "checkin", self._end_use)
        event.listen(engine, "invalidate", self._end_use)

    def _begin_use(self, connection: Any, record: object, _proxy: object) -> None:
        if self._ping:
            self._set_deadline(connection, record, self._waits.connect)
            try:
                self._ping(connection)
            except self._driver.Error as error:
                # The server closed this connection; the pool opens another.
                raise DisconnectionError from error
        self._set_deadline(connection, record, (self._waits.use or 0) + GRACE)

    def _set_deadline(self, connection: Any, record: object, seconds: float) -> None:
        with self._lock:
            self._uses[id(record)] = monotonic() + seconds, connection
            if not self._running:
                self._running = True
                Thread(target=self._watch, name="cutter", daemon=True).start()

    def _end_use(self, _connection: object, record: object, *_: object) -> None:
        with self._lock:
            self._uses.pop(id(record), None)

    def _watch(self) -> None:
        while True:
            sleep(PAUSE)
            with self._lock:
                if not self._uses:
                    self._running = False
                    return
                for deadline, connection in list(self._uses.values()):
                    if deadline < monotonic():
                        self._cut_quietly(connection)

    def _cut_quietly(self, connection: Any) -> None:
        # The use may end by itself at this moment.
        with suppress(Exception):
            self._cut(connection)
