"""The store: an engine, with a context manager for reads and one for write transactions.

It contains no statements about tables, except those that compare the schema's revision.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import monotonic

from oslo_log import log
from sqlalchemy import (
    URL,
    Connection,
    inspect,
    make_url,
    text,
)
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    NotSupportedError,
    PendingRollbackError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from openstats.errors import ConfigError, StoreError, without_credentials
from openstats.storage.engines import make_engine
from openstats.storage.file import StoreFile
from openstats.storage.schema.tables import HEAD
from openstats.storage.waits import USUAL, Waits

LOG = log.getLogger(__name__)

DRIVERS = ("sqlite", "postgresql+psycopg", "mysql+pymysql")
SCHEMA_ERRORS = {"42P01", "42703", "3F000", "42501", 1146}
"""The codes of PostgreSQL for a table, column or schema that is missing or not permitted, and that
of MariaDB for a missing table. Its other errors of this kind are no STATEMENT_ERRORS."""

DEADLOCK_ERRORS = {"40P01", 1213}
"""The codes of PostgreSQL and MariaDB for a transaction that was ended because of a deadlock."""

STATEMENT_ERRORS = (DataError, IntegrityError, NotSupportedError, ProgrammingError)
"""Errors that a statement or its values cause."""

SCHEMA_CHECK = 1.0
"""Seconds after which a reader compares the schema again."""

Database = Connection
"""The connection that ``read`` and ``transaction`` open, and that all functions here take."""


class SchemaError(StoreError):
    """The store has another schema revision than the one that this code works with."""

    title = "The store has another schema"


class DeadlockError(StoreError):
    """The database ended a transaction, because others waited for it and it for them."""

    title = "The store is busy"


class Store:
    """The database of an openstats; threads can share it.

    ``waits`` limits every wait. After ``check`` has found the right schema, each use of the store
    compares it again, because the store may be upgraded or replaced meanwhile.

    Raises:
        ConfigError: the URL is not one of a supported database.
    """

    def __init__(self, url: str, pool_size: int = 5, waits: Waits = USUAL) -> None:
        self.url = _parse(url)
        self.embedded = self.url.get_backend_name() == "sqlite"
        self._open_engine = partial(make_engine, self.url, pool_size, waits)
        self.engine = self._open_engine()
        # Readers see one state by default; PostgreSQL needs an isolation level for it.
        needs_level = self.url.get_backend_name() == "postgresql"
        self._reading = {"isolation_level": "REPEATABLE READ"} if needs_level else {}
        path = str(self.url.database)
        watched = self.embedded and not path.startswith("file:")
        self._file = StoreFile(Path(path)) if watched else None
        self._checked = False
        self._schema_checked_at = 0.0

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a read-only connection that sees one state of the store."""
        with translated_errors(self):
            self._check_file()
            with self.engine.connect().execution_options(**self._reading) as connection:
                # SQLAlchemy would begin with its first statement, but prepared statements bypass
                # it.
                connection.begin()
                if self._checked and monotonic() - self._schema_checked_at > SCHEMA_CHECK:
                    self._check_schema(connection)
                yield connection

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open a connection that commits after the block, or rolls back if the block raises.

        On SQLite it holds the only write lock from the beginning, so that the transaction cannot
        fail halfway because of another writer.
        """
        with translated_errors(self):
            self._check_file()
            with self.engine.execution_options(write=True).begin() as connection:
                if self._checked:
                    self._check_schema(connection)
                yield connection

    def reopen(self) -> None:
        """Use new connections from now on: those of a parent process stay the parent's."""
        self.engine.dispose(close=False)
        self.engine = self._open_engine()

    def check(self) -> None:
        """Raise StoreError unless the store has the schema that this code works with."""
        if self._file and self._file.missing:
            raise self._schema_error(None)
        with self.read() as connection:
            self._check_schema(connection)
        self._checked = True

    def refuse_newer(self) -> None:
        """Raise StoreError if the schema is newer than the one that this code works with."""
        with self.read() as connection:
            revision = _revision(connection)
        if revision and revision > HEAD:
            raise self._schema_error(revision)

    def _check_file(self) -> None:
        """Reopen a file that was replaced: SQLite would continue to use the old one."""
        if self._file and self._file.was_replaced():
            LOG.warning("the file of the store %s was replaced: it is opened anew", self)
            self.engine.dispose()
            self._file.discard_companions()
            self._schema_checked_at = 0.0

    def _check_schema(self, connection: Connection) -> None:
        revision = _revision(connection)
        if revision != HEAD:
            raise self._schema_error(revision)
        self._schema_checked_at = monotonic()

    def _schema_error(self, revision: str | None) -> SchemaError:
        has = f"the store {self} has schema {revision or 'none'}"
        if revision and revision > HEAD:
            return SchemaError(
                f"{has}, of a newer openstats than this one, which needs {HEAD}: install a newer "
                "openstats"
            )
        return SchemaError(f"{has} and this version needs {HEAD}: run 'openstats db upgrade'")

    def ping(self) -> None:
        """Raise StoreError unless the store answers; read no table."""
        with self.read() as connection:
            connection.execute(text("SELECT 1"))

    def advice(self) -> str:
        """Return what to do if the file of the store is not writable; empty if it is."""
        return self._file.advice() if self._file else ""

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def __str__(self) -> str:
        return without_credentials(self.url.render_as_string())


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def _parse(url: str) -> URL:
    """Return the URL of a database, as SQLAlchemy represents it.

    Raises:
        ConfigError: the URL is not usable. The message shows no part of it, because any part may
            belong to a password.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = URL.create("nothing")
    if "@" in (parsed.host or ""):
        # SQLAlchemy takes the part of a password after its "@" for the host, and would print it.
        raise ConfigError(
            "[database] connection: more than one '@' stands before the database: write those of "
            "user and password as %40, and : / % # ? as %3A %2F %25 %23 %3F"
        )
    if parsed.drivername not in DRIVERS or parsed.database in (None, "", ":memory:"):
        raise ConfigError(
            "[database] connection: must be sqlite:///FILE, or USER:PASSWORD@HOST/DATABASE after "
            "postgresql+psycopg:// or mysql+pymysql://"
        )
    return parsed


@contextmanager
def translated_errors(store: Store) -> Iterator[None]:
    """Raise StoreError if the store does not answer; let errors of a statement itself pass."""
    try:
        yield
    except (DatabaseError, InterfaceError, PoolTimeoutError, PendingRollbackError) as error:
        if not _is_unavailable(error):
            raise
        reason = error.orig if isinstance(error, DBAPIError) else error
        # psycopg's messages have several lines, a log message has one. PyMySQL's arguments are a
        # number and a message.
        message = reason.args[-1] if reason and reason.args else reason
        sentence = " ".join(str(message).split())
        codes = _codes(error)
        if not DEADLOCK_ERRORS.isdisjoint(codes):
            raise DeadlockError(f"the store {store} ended a transaction: {sentence}") from error
        raise StoreError(
            f"the store {store} does not answer: {sentence}{store.advice()}"
        ) from error


def _codes(error: Exception) -> set[object]:
    """Return what may be the code of a driver's error: PyMySQL's is its first argument."""
    driver_error = error.orig if isinstance(error, DBAPIError) else None
    return {getattr(driver_error, "sqlstate", None), *(driver_error.args if driver_error else ())}


def _is_unavailable(error: Exception) -> bool:
    """Return whether the store is at fault: down, read-only, broken, full, locked or upgraded."""
    if not isinstance(error, STATEMENT_ERRORS):
        return True
    return not SCHEMA_ERRORS.isdisjoint(_codes(error))
