"""A PostgreSQL server of the tests' own: in a temporary directory, on a free port, without fsync.

Binaries, command lines and how to run them as root are those of the test cloud.
"""

import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.devcloud import install, postgres
from tests.devcloud.plan import PORTS, DevcloudError, Plan, Settings
from tests.devcloud.process import wait_for


@dataclass(frozen=True)
class Server:
    """A running server; ``url`` gives SQLAlchemy's URL of a database in it."""

    port: int

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://openstack@127.0.0.1:{self.port}/{database}"

    def conninfo(self, database: str) -> str:
        """Give what psycopg takes."""
        return f"host=127.0.0.1 port={self.port} user=openstack dbname={database}"

    def execute(self, statement: str) -> None:
        """Run a statement that may be in no transaction, such as CREATE DATABASE."""
        with closing(psycopg.connect(self.conninfo("postgres"), autocommit=True)) as connection:
            connection.execute(statement)


def free_port() -> int:
    """Give a port of loopback on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(directory: Path) -> Iterator[Server]:
    """Start a server, and end it by its process id."""
    install.install_postgres()
    settings = Settings(port_base=free_port() - PORTS.index("postgres"))
    plan = Plan("tests", settings, state=directory)
    postgres.initialize(plan)
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
