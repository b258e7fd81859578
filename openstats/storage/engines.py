"""SQLAlchemy engines for both kinds of stores, with a limit for each wait.

Nothing here knows a table.
"""

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock, Thread
from time import monotonic, sleep
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError

from openstats.errors import ConfigError

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


def make_engine(url: URL, pool_size: int, waits: Waits) -> Engine:
    """Return an engine for a URL.

    Raises:
        ConfigError: the driver is not installed.
    """
    embedded = url.get_backend_name() == "sqlite"
    try:
        engine = _sqlite(url, waits) if embedded else _server(url, pool_size, waits)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"[database] connection: {url.drivername} needs the Python package {error.name}, which "
            "is not installed: pip install 'openstats[postgresql]'"
        ) from error
    if waits.use is not None:
        Cutter(engine, waits, _interrupt if embedded else _cut)
    return engine


def _server(url: URL, pool_size: int, waits: Waits) -> Engine:
    # A server whose machine has died sends nothing: with keepalives, the kernel notices within half
    # a minute.
    keepalives = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=waits.pool,
        # Otherwise the cutter pings, so that the ping has a time limit as well.
        pool_pre_ping=waits.use is None,
        connect_args={"connect_timeout": max(1, round(waits.connect))} | keepalives,
    )
    limits = f"SET lock_timeout = {round(1000 * waits.lock)}"
    if waits.use is not None:
        limits += f"; SET statement_timeout = {round(1000 * waits.use)}"

    @event.listens_for(engine, "connect")
    def set_limits(connection: Any, _record: object) -> None:
        connection.execute(limits)
        connection.commit()

    return engine


def _sqlite(url: URL, waits: Waits) -> Engine:
    engine = create_engine(
        url,
        pool_size=16,
        max_overflow=16,
        pool_timeout=waits.pool,
        connect_args={"timeout": waits.lock},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver begins transactions late, at the first write. We begin them ourselves.
    connection.isolation_level = None
    # SQLite's own lower() converts ASCII letters only.
    connection.create_function("lower", 1, _lower, deterministic=True)
    for pragma in (
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
        "cache_size = -8000",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


def _begin_sqlite(connection: Connection) -> None:
    if connection.get_execution_options().get("write", False):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        # BEGIN takes no lock, so that it cannot fail. Through SQLAlchemy it would take ten times as
        # long.
        connection.connection.execute("BEGIN")


def _interrupt(connection: Any) -> None:
    connection.interrupt()


def _cut(connection: Any) -> None:
    """Shut down the local end of a connection: a frozen server would not react to anything else."""
    with socket.socket(fileno=os.dup(connection.fileno())) as copy:
        copy.shutdown(socket.SHUT_RDWR)


class Cutter:
    """Ends each use of a connection that takes too long.

    The server's own statement_timeout does not help if the server is frozen.
    """

    def __init__(self, engine: Engine, waits: Waits, cut: Callable[[Any], None]) -> None:
        self._waits, self._cut = waits, cut
        self._lock = Lock()
        self._uses: dict[int, tuple[float, Any]] = {}
        self._running = False
        event.listen(engine, "checkout", self._begin_use)
        event.listen(engine, "checkin", self._end_use)
        event.listen(engine, "invalidate", self._end_use)

    def _begin_use(self, connection: Any, record: object, _proxy: object) -> None:
        if hasattr(connection, "pgconn"):
            self._set_deadline(connection, record, self._waits.connect)
            _ping(connection)
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


def _ping(connection: Any) -> None:
    """Raise DisconnectionError if the server closed this connection; the pool then opens one."""
    import psycopg  # noqa: PLC0415 (it is installed if it has a connection)

    try:
        connection.autocommit = True
        connection.execute("SELECT 1")
        connection.autocommit = False
    except psycopg.Error as error:
        raise DisconnectionError from error
