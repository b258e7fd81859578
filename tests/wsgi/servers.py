"""uWSGI and gunicorn, started as docs/operations.rst says, on a free port of loopback."""

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import requests

from tests.devcloud.process import wait_for
from tests.postgresql import free_port

PAGE = (Path(__file__).parents[2] / "docs" / "operations.rst").read_text()
STARTS = "openstats.wsgi.api starts"
PROCESSES = 2


class Running(NamedTuple):
    """A server, its port, and the file that it logs to."""

    process: subprocess.Popen[bytes]
    loads: int
    """How often it loads the application."""

    decodes_chunks: bool
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def _changed(text: str, address: str) -> str:
    """Return a documented configuration with another address and fewer processes."""
    for documented, here in (
        ("127.0.0.1:8779", address),
        ("processes = 4", f"processes = {PROCESSES}"),
        ("--workers 4", f"--workers {PROCESSES}"),
    ):
        text = text.replace(documented, here)
    return text


def _uwsgi(directory: Path, address: str) -> list[str]:
    (block,) = re.findall(r"^    \[uwsgi\]\n(?:    .+\n)+", PAGE, re.MULTILINE)
    file = directory / "uwsgi.ini"
    file.write_text(_changed(textwrap.dedent(block), address))
    return [str(Path(sys.executable).with_name("uwsgi")), "--ini", str(file)]


def _gunicorn(_directory: Path, address: str) -> list[str]:
    (words,) = re.findall(r"^    gunicorn (.+)$", PAGE, re.MULTILINE)
    return [sys.executable, "-m", "gunicorn", *_changed(words, address).split()]


def _preloading(directory: Path, address: str) -> list[str]:
    return [*_gunicorn(directory, address), "--preload"]


PRELOADING = "gunicorn that loads before it forks"
COMMANDS: Mapping[str, Callable[[Path, str], list[str]]] = {
    "uwsgi": _uwsgi,
    "gunicorn": _gunicorn,
    PRELOADING: _preloading,
}


@contextmanager
def started(name: str, directory: Path, **environ: str) -> Iterator[Running]:
    """Start a server in a directory; it is killed with its workers if it still runs at the end."""
    port, log = free_port(), directory / "server.log"
    command = COMMANDS[name](directory, f"127.0.0.1:{port}")
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            env=os.environ | {"PYTHONWARNINGS": "ignore"} | environ,
            cwd=Path(__file__).parents[2],
            stdout=output,
            stderr=output,
            start_new_session=True,
        ) as process,
    ):
        try:
            loads = 1 if name == PRELOADING else PROCESSES
            yield Running(process, loads, name != "uwsgi", port, log)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, 9)


def ready(server: Running) -> None:
    """Wait until all processes of a server answer; fail if it ends."""

    def healthy() -> bool:
        log = server.log.read_text()
        assert server.process.poll() is None, log
        answer = requests.get(f"{server.url}/healthcheck", timeout=30)
        return answer.status_code == 200 and log.count(STARTS) == server.loads

    wait_for("the WSGI server", healthy, timeout=120)
