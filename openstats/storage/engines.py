"""SQLAlchemy engines for each kind of store, with a limit for each wait.

Nothing here knows a table.
"""

import os
import socket
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event
from sqlalchemy.exc import SAWarning

from openstats.errors import ConfigError, StoreError
from openstats.storage.waits import Cutter, Waits

SQL_MODE = "ANSI_QUOTES,STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO"
"""Names are quoted as in other engines, and what does not fit a column is an error. In MariaDB,
SIMULTANEOUS_ASSIGNMENT makes expressions of an UPDATE see the values from before it."""


def make_engine(url: URL, pool_size: int, waits: Waits) -> Engine:
    """Return an engine for a URL.

    Raises:
        ConfigError: the driver is not installed, or refuses an option in the URL's query.
    """
    kind = KINDS[url.get_backend_name()]
    try:
        with warnings.catch_warnings():
            # SQLAlchemy warns of options that SQLite does not have.
            warnings.simplefilter("error", SAWarning)
            engine = kind.make(url, pool_size, waits)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"[database] connection: {url.drivername} needs the Python package {error.name}, which "
            f"is not installed: pip install '{kind.package}'"
        ) from error
    except (ValueError, SAWarning) as error:
        raise ConfigError(_refused_options(url, kind, error)) from error
    event.listen(engine, "do_connect", partial(_connect, url, kind))
    if waits.use is not None:
        Cutter(engine, waits, ping=kind.ping, cut=kind.cut)
    return engine


def _connect(
    url: URL, kind: "Kind", dialect: Dialect, _record: object, arguments: Any, options: Any
) -> Any:
    """Return a new connection of the driver.

    Raises:
        StoreError: the driver refuses an option in the URL's query.
    """
    try:
        return dialect.connect(*arguments, **options)
    except (TypeError, ValueError, OSError, dialect.loaded_dbapi.ProgrammingError) as error:
        if not url.query:
            raise
        raise StoreError(_refused_options(url, kind, error)) from error


def _refused_options(url: URL, kind: "Kind", error: Exception) -> str:
    """Return a sentence that names the options of a URL, without their values."""
    reason = getattr(error, "strerror", None) or str(error).partition(" (Background")[0]
    return (
        f"[database] connection: {', '.join(url.query)} after ? cannot be used: "
        f"{reason.strip()}; must be {kind.options}"
    )


def _server(url: URL, pool_size: int, waits: Waits, options: Mapping[str, object]) -> Engine:
    """Return an engine for a database server; ``options`` are those of the driver."""
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=waits.pool,
        # Otherwise the cutter pings, so that the ping has a time limit as well.
        pool_pre_ping=waits.use is None,
        connect_args={"connect_timeout": max(1, round(waits.connect)), **options},
    )


# -- PostgreSQL


def _postgresql(url: URL, pool_size: int, waits: Waits) -> Engine:
    # A server whose machine has died sends nothing: with keepalives, the kernel notices within half
    # a minute.
    keepalives = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
    engine = _server(url, pool_size, waits, keepalives)
    limits = f"SET lock_timeout = {round(1000 * waits.lock)}"
    if waits.use is not None:
        limits += f"; SET statement_timeout = {round(1000 * waits.use)}"

    @event.listens_for(engine, "connect")
    def set_limits(connection: Any, _record: object) -> None:
        connection.execute(limits)
        connection.commit()

    return engine


def _ping_postgresql(connection: Any) -> None:
    connection.autocommit = True
    connection.execute("SELECT 1")
    connection.autocommit = False


def _cut_postgresql(connection: Any) -> None:
    _shut_down(connection.fileno())


# -- MariaDB


def _mariadb(url: URL, pool_size: int, waits: Waits) -> Engine:
    # Whatever the URL says: other character sets lack characters.
    options = {"charset": "utf8mb4", "init_command": _mariadb_settings(waits)}
    engine = _server(url, pool_size, waits, options)
    event.listen(engine, "connect", _prepare_mariadb)
    event.listen(engine, "begin", _begin_mariadb)
    return engine


def _mariadb_settings(waits: Waits) -> str:
    """Return the statement that each connection begins with.

    Text in ``/*M! */`` is read by MariaDB only, and text in ``/*!80000 */`` by MySQL only. When
    MariaDB 10.11 merges a CTE into a subquery, it may lose an IN of the CTE.
    """
    lock = max(1, round(waits.lock))
    use = waits.use or 0
    both = f"time_zone = '+00:00', lock_wait_timeout = {lock}, innodb_lock_wait_timeout = {lock}"
    mariadb = (
        f"sql_mode = '{SQL_MODE},SIMULTANEOUS_ASSIGNMENT', "
        f"optimizer_switch = 'derived_merge=off', max_statement_time = {use}"
    )
    mysql = f"sql_mode = '{SQL_MODE}', max_execution_time = {round(1000 * use)}"
    return f"SET SESSION {both} /*M! , {mariadb} */ /*!80000 , {mysql} */"


def _prepare_mariadb(connection: Any, _record: object) -> None:
    # One state for each reader, whatever the server's default is.
    connection.query("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    # SQLAlchemy has just set the character set, and with it the collation of literals.
    connection.query(
        "SET collation_connection = /*M! utf8mb4_nopad_bin */ /*!80000 utf8mb4_0900_bin */"
    )
    # As for PostgreSQL. PyMySQL sets SO_KEEPALIVE, but has no options for the rest.
    with suppress(OSError):  # It is a Unix socket.
        for option, number in (("IDLE", 10), ("INTVL", 5), ("CNT", 3)):
            name = getattr(socket, f"TCP_KEEP{option}")
            connection._sock.setsockopt(socket.IPPROTO_TCP, name, number)


def _begin_mariadb(connection: Connection) -> None:
    # A writer that waited for a lock must then see what the other writer wrote. This holds for one
    # transaction; readers keep REPEATABLE READ.
    if connection.get_execution_options().get("write", False):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")


def _ping_mariadb(connection: Any) -> None:
    connection.ping(reconnect=False)


def _cut_mariadb(connection: Any) -> None:
    _shut_down(connection._sock.fileno())


# -- SQLite


def _sqlite(url: URL, _pool_size: int, waits: Waits) -> Engine:
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


def _interrupt_sqlite(connection: Any) -> None:
    connection.interrupt()


# -- limits


def _shut_down(descriptor: int) -> None:
    """Shut down the local end of a connection: a frozen server would not react to anything else."""
    with socket.socket(fileno=os.dup(descriptor)) as copy:
        copy.shutdown(socket.SHUT_RDWR)


@dataclass(frozen=True)
class Kind:
    """A kind of store: how its engine is made, and its driver's connections are tested and ended.

    ``options`` says which options a URL may have after its question mark. ``ping`` is None if no
    server can close a connection. ``package`` is the name by which pip installs the driver.
    """

    make: Callable[[URL, int, Waits], Engine]
    cut: Callable[[Any], None]
    options: str
    ping: Callable[[Any], None] | None = None
    package: str = ""


KINDS = {
    "sqlite": Kind(_sqlite, _interrupt_sqlite, "options of Python's sqlite3.connect"),
    "postgresql": Kind(
        _postgresql,
        _cut_postgresql,
        "parameters of PostgreSQL's libpq, such as sslmode",
        _ping_postgresql,
        "psycopg[binary]",
    ),
    "mysql": Kind(
        _mariadb,
        _cut_mariadb,
        "options of pymysql.connect, such as ssl_ca",
        _ping_mariadb,
        "PyMySQL",
    ),
}
