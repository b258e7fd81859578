"""SQLAlchemy's engines for both kinds of store, with a bound for each wait. No tables."""

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
"""Seconds that a server has to cancel a statement itself, before its connection is cut here."""

PAUSE = 0.25
"""Seconds between two looks for connections that are overdue."""


@dataclass(frozen=True)
class Waits:
    """Seconds that a store may take: to connect, for a lock, and for one use of a connection.

    ``pool`` is how long a free connection is waited for, ``use`` None for as long as it takes.
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
    # A server whose machine is gone says nothing: the kernel finds out within half a minute.
    keepalives = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=waits.pool,
        # Else the cutter asks, so that this has a bound, too.
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
    # The driver's own transactions begin late, at the first write: we begin them ourselves.
    connection.isolation_level = None
    # SQLite's own knows the letters of ASCII only.
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
        # It asks for no lock, so it does not fail; SQLAlchemy takes ten times as long for it.
        connection.connection.execute("BEGIN")


def _interrupt(connection: Any) -> None:
    connection.interrupt()


def _cut(connection: Any) -> None:
    """Shut a connection down at this end: its server may be frozen, and not even notice."""
    with socket.socket(fileno=os.dup(connection.fileno())) as copy:
        copy.shutdown(socket.SHUT_RDWR)


class Cutter:
    """Ends each use of a connection that takes too long.

    A server's own statement_timeout does not help where the server is frozen.
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
        # It may end by itself in this very moment.
        with suppress(Exception):
            self._cut(connection)


def _ping(connection: Any) -> None:
    """Raise DisconnectionError if the server closed this connection: the pool opens another."""
    import psycopg  # noqa: PLC0415 (there is a connection of it)

    try:
        connection.autocommit = True
        connection.execute("SELECT 1")
        connection.autocommit = False
    except psycopg.Error as error:
        raise DisconnectionError from error
