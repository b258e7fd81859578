"""A server of the tests' own: one process that answers HTTP on a free port of loopback.

Starting, asking and ending it; what it is and how it is fed does not live here.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.devcloud import install, rest
from tests.devcloud.plan import DevcloudError, cache, library_path
from tests.devcloud.process import Processes, wait_for
from tests.postgresql import free_port


def programs(package: str) -> Path:
    """Give the directory of a Debian package's programs, unpacked on first use."""
    place = cache() / "peers" / package
    install.install_alone(place, package)
    return place / "root" / "usr" / "bin"


def libraries(package: str) -> dict[str, str]:
    """Give the environment in which the programs of a package find what was unpacked with it."""
    return {"LD_LIBRARY_PATH": library_path(programs(package).parents[1])}


class Server:
    """A process with a directory of its own; ``url`` is where it answers while it runs."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self.directory = directory
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = directory / "log" / f"{name}.log"
        self.processes = Processes(directory / "pid", directory / "log")

    @property
    def environ(self) -> dict[str, str]:
        """A clean one: what the caller has in OS_* or PYTHON* must not reach the server."""
        path = os.environ["PATH"]
        return {"HOME": str(self.directory), "LANG": "C.UTF-8", "PATH": path}

    def start(self, command: Sequence[str | Path], ready: str) -> None:
        """Start the process; it answers a GET of the path `ready` when this returns."""
        words = [str(word) for word in command]
        self.processes.spawn(self.name, words, self.environ, cwd=self.directory)
        try:
            wait_for(self.name, lambda: self._answers(ready), timeout=60)
        except DevcloudError as error:
            self.stop()
            raise DevcloudError(f"{error}\n{self.log.read_text()[-2000:]}") from error

    def _answers(self, path: str) -> bool:
        self.processes.check()
        rest.request("GET", self.url + path)
        return True

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Have it do nothing, and be reached by nobody, while the block lasts."""
        (pid,) = self.processes.alive().values()
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def stop(self) -> None:
        """End it by its process id."""
        self.processes.stop_all(last=())

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Give the document of an answer; a status from 400 on is a RestError."""
        return rest.request(method, self.url + path, body, dict(headers or {}))[0]
