"""A PostgreSQL server of the tests' own: in a temporary directory, on a free port, without fsync.

Binaries, command lines and how to run them as root are those of the test cloud.
"""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.devcloud import install, postgres
from tests.devcloud.plan import PORTS, DevcloudError, Plan, Settings
from tests.devcloud.process import wait_for


@dataclass(frozen=True)
class Server:
    """A running server; ``url`` returns SQLAlchemy's URL of a database in it."""

    port: int

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://openstack@127.0.0.1:{self.port}/{database}"

    def conninfo(self, database: str) -> str:
        """Return a connection string for psycopg."""
        return f"host=127.0.0.1 port={self.port} user=openstack dbname={database}"

    def kill(self) -> None:
        """End it as a machine that loses its power does."""
        os.kill(self.pid(), signal.SIGKILL)

    def pid(self) -> int:
        """Return the process that started all others of the server."""
        directory = Path(self.value("postgres", "SHOW data_directory"))
        return int((directory / "postmaster.pid").read_text().split()[0])

    def value(self, database: str, query: str) -> Any:
        """Return the only value of a query."""
        with closing(psycopg.connect(self.conninfo(database))) as connection:
            (value,) = connection.execute(query).fetchone() or ()
        return value

    def execute(self, statement: str) -> None:
        """Run a statement that may be in no transaction, such as CREATE DATABASE."""
        with closing(psycopg.connect(self.conninfo("postgres"), autocommit=True)) as connection:
            connection.execute(statement)


def free_port() -> int:
    """Return a port of loopback on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(directory: Path) -> Iterator[Server]:
    """Start a server, and end it by its process id."""
    install.install_postgres()
    plan = _plan(directory)
    postgres.initialize(plan)
    with _served(plan) as server:
        yield server


@contextmanager
def standby(primary: Server, directory: Path) -> Iterator[Server]:
    """Start a server that holds what another one holds, and answers readers until promoted."""
    plan = _plan(directory)
    postgres.follow(plan, primary.port)
    with _served(plan) as server:
        yield server


def _plan(directory: Path) -> Plan:
    settings = Settings(port_base=free_port() - PORTS.index("postgres"))
    return Plan("tests", settings, state=directory)


@contextmanager
def _served(plan: Plan) -> Iterator[Server]:
    with _process(plan) as process:
        wait_for("PostgreSQL", lambda: _alive(process) and postgres.ready(plan), timeout=60)
        yield Server(plan.ports["postgres"])


@contextmanager
def _process(plan: Plan) -> Iterator[subprocess.Popen[bytes]]:
    with open(plan.state / "log", "ab") as log:
        process = subprocess.Popen(
            postgres.server(plan),
            env=postgres.environment(),
            cwd=plan.state,
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        # PostgreSQL's fast shutdown: SIGTERM would wait for its clients.
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)


def _alive(process: subprocess.Popen[bytes]) -> bool:
    if process.poll() is not None:
        raise DevcloudError(f"PostgreSQL ended with status {process.returncode}")
    return True
