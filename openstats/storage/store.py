"""The store: an engine, and the two ways to use it: read, and write in one transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    event,
    func,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    InterfaceError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from openstats.errors import ConfigError, StoreError
from openstats.storage.schema import HEAD

BUSY_SECONDS = 30
DRIVERS = ("sqlite", "postgresql+psycopg")
UNDEFINED_TABLE = "42P01"

Database = Connection
"""What ``read`` and ``transaction`` give, and the functions of this package take."""


class Store:
    """Where everything is kept; safe to share between threads.

    ``patience`` is for how many seconds a writer waits for another one on SQLite.

    Raises:
        ConfigError: the URL is none of a file or a server that it can use.
    """

    def __init__(self, url: str, pool_size: int = 5, patience: float = BUSY_SECONDS) -> None:
        self.url = _usable(url)
        self.embedded = self.url.get_backend_name() == "sqlite"
        self.engine = _sqlite(self, patience) if self.embedded else _server(self, pool_size)
        # SQLite's readers see one state by themselves, PostgreSQL's have to say so.
        self._reading = {} if self.embedded else {"isolation_level": "REPEATABLE READ"}

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a connection that sees one state of the store and changes nothing."""
        with _said(self), self.engine.connect().execution_options(**self._reading) as connection:
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open a connection whose writes are kept when the block ends, and undone when it raises.

        On SQLite it holds the one write lock from the beginning, so that nothing can fail halfway
        because another writer came first.
        """
        writing = self.engine.execution_options(write=True)
        with _said(self), writing.begin() as connection:
            yield connection

    def check(self) -> None:
        """Raise StoreError unless the schema is the one that this code works with."""
        with self.read() as connection:
            known = inspect(connection).has_table("alembic_version")
            found = (
                connection.scalar(text("SELECT version_num FROM alembic_version"))
                if known
                else None
            )
        if found != HEAD:
            raise StoreError(
                f"the store {self} has schema {found or 'none'} and this version needs {HEAD}: "
                "run 'openstats db upgrade'"
            )

    def ping(self) -> None:
        """Raise StoreError unless the store answers; of its content nothing is asked."""
        with self.read() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def __str__(self) -> str:
        return self.url.render_as_string(hide_password=True)


def _usable(url: str) -> URL:
    """Return a URL as SQLAlchemy understands it.

    Raises:
        ConfigError: it cannot be used; nothing of it is shown, which may be of a password.
    """
    try:
        found = make_url(url)
    except (ArgumentError, ValueError):
        found = URL.create("nothing")
    if "@" in (found.host or ""):
        # The part of a password behind its "@" is taken for the host, and would be printed.
        raise ConfigError(
            "[database] connection: more than one '@' stands before the database: write those of "
            "user and password as %40, and : / % # ? as %3A %2F %25 %23 %3F"
        )
    if found.drivername not in DRIVERS or found.database in (None, "", ":memory:"):
        raise ConfigError(
            "[database] connection: it takes sqlite:///FILE or "
            "postgresql+psycopg://USER:PASSWORD@HOST/DATABASE"
        )
    return found


def alone(db: Connection, what: str) -> None:
    """Wait until no other transaction does ``what``, and keep others waiting until this one ends.

    SQLite has one writer at a time anyway.
    """
    if db.dialect.name == "postgresql":
        db.execute(select(func.pg_advisory_xact_lock(func.hashtext(what))))


@contextmanager
def _said(store: Store) -> Iterator[None]:
    """Turn a store that does not answer into StoreError; what is our own mistake stays."""
    try:
        yield
    except (DatabaseError, InterfaceError, PoolTimeoutError) as error:
        if not _unavailable(error):
            raise
        reason = error.orig if isinstance(error, DBAPIError) else error
        # psycopg's words have several lines, and those of a log are one.
        sentence = " ".join(str(reason).split())
        raise StoreError(f"the store {store} does not answer: {sentence}") from error


def _unavailable(error: Exception) -> bool:
    if not isinstance(error, DatabaseError) or isinstance(error, OperationalError):
        return True
    # SQLite's word for a file that is broken, and PostgreSQL's for a schema that is not there.
    return type(error) is DatabaseError or getattr(error.orig, "sqlstate", "") == UNDEFINED_TABLE


def _server(store: Store, pool_size: int) -> Engine:
    return create_engine(
        store.url, pool_size=pool_size, max_overflow=pool_size, pool_pre_ping=True, pool_timeout=10
    )


def _sqlite(store: Store, patience: float) -> Engine:
    Path(str(store.url.database)).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        store.url, pool_size=16, max_overflow=16, connect_args={"timeout": patience}
    )
    event.listen(engine, "connect", _sqlite_connected)
    event.listen(engine, "begin", _sqlite_begun)
    return engine


def _sqlite_connected(connection: Any, _record: object) -> None:
    # The driver's own transactions begin late, at the first write: we begin them ourselves.
    connection.isolation_level = None
    for pragma in (
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
        "cache_size = -8000",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _sqlite_begun(connection: Connection) -> None:
    write = connection.get_execution_options().get("write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
