"""What a broken or malicious cloud does to whoever reads its answers.

The real server is never asked, except by `Trickle`.
"""

import time
import zlib
from dataclasses import dataclass
from email.utils import formatdate
from functools import cache
from urllib.parse import parse_qs, urlsplit

from tests.edge.actions import Status
from tests.edge.exchange import Exchange
from tests.edge.upstream import Answer

GZIP = 16
JSON = {"Content-Type": "application/json"}
PROJECT = '{"id": "%d", "name": "%s", "domain_id": "default"}'


@dataclass(frozen=True)
class Endless:
    """A body that never ends: `begin`, and then `piece` for ever."""

    begin: bytes = b'{"servers": ['
    piece: bytes = b'{"id": "x"},' * 5000

    def apply(self, exchange: Exchange) -> None:
        """Send until the client goes away."""
        exchange.send_endless(self.begin, self.piece)


@dataclass(frozen=True)
class Pages:
    """A list of Keystone's projects that never ends, in pages that are all in order."""

    size: int = 20_000
    name: str = "project"

    def apply(self, exchange: Exchange) -> None:
        """Answer with the page behind the marker."""
        (begin,) = parse_qs(urlsplit(exchange.question.url).query).get("marker", ["0"])
        numbers = range(int(begin) + 1, int(begin) + 1 + self.size)
        rows = ",".join(PROJECT % (n, self.name) for n in numbers)
        link = f"http://127.0.0.1/v3/projects?marker={numbers[-1]}"
        body = f'{{"projects": [{rows}], "links": {{"next": "{link}"}}}}'
        exchange.send(Answer(200, "", tuple(JSON.items()), body.encode()))


@dataclass(frozen=True)
class Trickle:
    """The real answer, one byte after the other; from its head on, or only the body."""

    seconds: float = 0.05
    head_too: bool = False

    def apply(self, exchange: Exchange) -> None:
        """Send slowly until the client goes away."""
        exchange.send_slowly(exchange.real(), self.seconds, self.head_too)


@cache
def bomb(mib: int) -> Status:
    """Return an answer that is small until it is inflated."""
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | GZIP)
    pieces = [packer.compress(b" " * 2**20) for _ in range(mib)]
    return Status(200, JSON | {"Content-Encoding": "gzip"}, b"".join(pieces) + packer.flush())


@cache
def projects(number: int) -> Status:
    """Return a list of so many of Keystone's projects, in one answer."""
    rows = ",".join(PROJECT % (n, "project") for n in range(number))
    return json(f'{{"projects": [{rows}]}}'.encode())


def json(body: bytes) -> Status:
    """Return an answer that is said to be JSON."""
    return Status(200, JSON, body)


def later(seconds: int, status: int = 503) -> Status:
    """Return an answer that asks for patience, by a date."""
    now = time.time()
    dates = {"Date": formatdate(now, usegmt=True)}
    return Status(status, dates | {"Retry-After": formatdate(now + seconds, usegmt=True)})
