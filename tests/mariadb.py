"""A MariaDB server of the tests' own: in a temporary directory, on a free port, without fsync."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql

from tests.devcloud import install
from tests.devcloud.plan import DevcloudError, cache, library_path
from tests.devcloud.process import wait_for
from tests.postgresql import free_port

PACKAGES = ("mariadb-server-core", "libeatmydata1")
SYSTEM_TABLES = (
    "mysql_system_tables.sql",
    "mysql_performance_tables.sql",
    "mysql_system_tables_data.sql",
)
USER = "openstack"
ACCOUNT = f"""
FLUSH PRIVILEGES;
CREATE USER {USER}@127.0.0.1;
GRANT ALL ON `%`.* TO {USER}@127.0.0.1;
"""
"""All rights on all databases, and none on the server."""


@dataclass(frozen=True)
class Server:
    """A running server; ``url`` returns SQLAlchemy's URL of a database in it."""

    port: int
    process: subprocess.Popen[bytes]

    def url(self, database: str) -> str:
        return f"mysql+pymysql://{USER}@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str | None = None) -> Any:
        """Return a context manager of an administrator's connection, which commits by itself."""
        address = {"host": "127.0.0.1", "port": self.port, "database": database}
        return closing(pymysql.connect(user="root", autocommit=True, **address))

    def execute(self, statement: str) -> None:
        with self.connect() as connection:
            connection.cursor().execute(statement)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Have the server do nothing while the block lasts."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            wait_for("the end of all threads' turns", self._stands_still, timeout=10)
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def _stands_still(self) -> bool:
        threads = Path(f"/proc/{self.process.pid}/task").glob("*/stat")
        return all(thread.read_text().rpartition(")")[2].split()[0] == "T" for thread in threads)


@contextmanager
def running(directory: Path) -> Iterator[Server]:
    """Start a server, and end it by its process id."""
    for package in PACKAGES:
        install.install_alone(_place(package), package)
    _initialize(directory)
    port = free_port()
    with _process(directory, port) as process:
        server = Server(port, process)
        wait_for("MariaDB", lambda: _answers(server), timeout=60)
        yield server


def _place(package: str) -> Path:
    return cache() / "peers" / package


def _root(package: str) -> Path:
    return _place(package) / "root"


def _environment() -> dict[str, str]:
    # Changes of tables sync files whatever the server's options are.
    (preloaded,) = _root("libeatmydata1").glob("usr/lib/*/libeatmydata.so")
    libraries = library_path(_root("mariadb-server-core"))
    path = os.environ["PATH"]
    return {"PATH": path, "TZ": "UTC", "LD_LIBRARY_PATH": libraries, "LD_PRELOAD": str(preloaded)}


def _command(directory: Path, *options: str) -> list[str]:
    share = _root("mariadb-server-core") / "usr/share/mysql"
    return [
        str(_root("mariadb-server-core") / "usr/sbin/mariadbd"),
        "--no-defaults",
        f"--datadir={directory / 'data'}",
        f"--lc-messages-dir={share}",
        f"--character-sets-dir={share / 'charsets'}",
        # As Debian has them: names compare without case unless a table says otherwise.
        "--character-set-server=utf8mb4",
        "--collation-server=utf8mb4_general_ci",
        "--innodb-flush-log-at-trx-commit=0",
        "--innodb-doublewrite=0",
        "--innodb-log-file-size=32M",
        # A file for each table takes longer to make.
        "--innodb-file-per-table=0",
        *([] if os.geteuid() else ["--user=root"]),
        *options,
    ]


def _initialize(directory: Path) -> None:
    """Make the server's own tables, and an account for the tests."""
    (directory / "data").mkdir()
    share = _root("mariadb-server-core") / "usr/share/mysql"
    scripts = [(share / name).read_text() for name in SYSTEM_TABLES]
    statements = "\n".join(["CREATE DATABASE mysql;", "USE mysql;", *scripts, ACCOUNT])
    with open(directory / "log", "ab") as log:
        subprocess.run(
            _command(directory, "--bootstrap"),
            input=statements.encode(),
            env=_environment(),
            stdout=log,
            stderr=log,
            check=True,
        )


@contextmanager
def _process(directory: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    options = (f"--port={port}", "--bind-address=127.0.0.1", f"--socket={directory / 'socket'}")
    with open(directory / "log", "ab") as log:
        process = subprocess.Popen(
            _command(directory, *options, "--skip-name-resolve"),
            env=_environment(),
            cwd=directory,
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=60)


def _answers(server: Server) -> bool:
    if server.process.poll() is not None:
        raise DevcloudError(f"MariaDB ended with status {server.process.returncode}")
    with server.connect():
        return True
