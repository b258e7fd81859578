"""A running service as its clients see it: what they ask, what comes back, and after how long."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from time import monotonic, sleep
from typing import NamedTuple

from tests.cli.installation import Installation, Process

PATIENCE = 30.0
"""Seconds after which a client gives up: later than any deadline of the service."""

PAUSE = 0.05
SERVES = "openstats serves at "
READY = "openstats is ready: "


@dataclass(frozen=True)
class Question:
    """A request that is made over and over."""

    path: str
    method: str = "GET"
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, hash=False)


HEALTH = Question("/healthcheck")


class Reply(NamedTuple):
    """What came back: status (0 for none at all), the seconds that it took, headers and body."""

    status: int
    seconds: float
    headers: Mapping[str, str] = {}
    body: bytes = b""


@dataclass(frozen=True)
class Service:
    """A process that serves on a port of loopback; ``store`` is its file, where it has one."""

    process: Process
    port: int
    store: Path

    def ask(self, question: Question) -> Reply:
        """Ask on a connection of its own."""
        began = monotonic()
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(
                question.method, question.path, question.body, dict(question.headers)
            )
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, HTTPException):
            return Reply(0, monotonic() - began)
        finally:
            connection.close()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, monotonic() - began, headers, body)

    def ask_for(self, seconds: float, questions: Sequence[Question]) -> list[list[Reply]]:
        """Ask each question over and over, all at once; return the replies to each."""
        until = monotonic() + seconds

        def repeat(question: Question) -> list[Reply]:
            replies = [self.ask(question)]
            while monotonic() < until:
                sleep(PAUSE)
                replies.append(self.ask(question))
            return replies

        with ThreadPoolExecutor(len(questions)) as pool:
            return list(pool.map(repeat, questions))


@contextmanager
def served(installation: Installation, words: str = SERVES) -> Iterator[Service]:
    """Serve until the block ends; ``words`` is what the service says when it answers."""
    log = installation.directory / "openstats.log"
    # Nobody reads the standard error of a service that is under attack.
    installation.configure("DEFAULT", log_file=log, use_stderr="false")
    with installation.started("serve", "--port", "0") as process:
        url = process.until(words).split(words)[1].split()[0].rstrip("/")
        yield Service(process, int(url.rpartition(":")[2]), installation.store)
        assert process.end() == 0
    assert "Traceback" not in log.read_text()
