"""What happens to a store under a service: each attack lasts as long as its block."""

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg

from tests.postgresql import Server


@contextmanager
def locked_file(path: Path) -> Iterator[None]:
    """Write to an SQLite store for as long as the block lasts."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def frozen(pids: list[int]) -> Iterator[None]:
    """Stop processes."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@contextmanager
def _session(server: Server, database: str) -> Iterator[psycopg.Connection]:
    with closing(psycopg.connect(server.conninfo(database), autocommit=True)) as session:
        yield session


@contextmanager
def frozen_backends(server: Server, database: str) -> Iterator[None]:
    """Stop all that PostgreSQL runs for a database; new connections are served."""
    with frozen(backends(server, database)):
        yield


def backends(server: Server, database: str) -> list[int]:
    """Return the processes that serve connections to a database."""
    with _session(server, "postgres") as session:
        query = "SELECT pid FROM pg_stat_activity WHERE datname = %s"
        return [pid for (pid,) in session.execute(query, [database])]


@contextmanager
def frozen_server(server: Server, database: str) -> Iterator[None]:
    """Stop the whole server: the kernel accepts connections, and nobody speaks on them."""
    with frozen([server.pid(), *backends(server, database)]):
        yield


@contextmanager
def locked_tables(server: Server, database: str, tables: str) -> Iterator[None]:
    """Hold tables by the strongest lock."""
    with _session(server, database) as session, session.transaction():
        session.execute(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE")
        yield


@contextmanager
def read_only(server: Server, database: str) -> Iterator[None]:
    """Have a database that can be read only, as one that was not promoted yet."""
    setting = f"ALTER DATABASE {database} SET default_transaction_read_only ="
    _set(server, database, f"{setting} on")
    try:
        yield
    finally:
        _set(server, database, f"{setting} off")


def _set(server: Server, database: str, statement: str) -> None:
    with _session(server, "postgres") as session:
        session.execute(statement)
        # The setting is that of new connections.
        ending = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
        session.execute(ending, [database])
