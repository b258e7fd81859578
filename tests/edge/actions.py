"""What the edge can do to an exchange. Each is a small value with one method, `apply`.

An action that does not say otherwise leaves the real server alone: it is never asked.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from tests.edge.exchange import Exchange
from tests.edge.upstream import Answer


class Action(Protocol):
    """Ends an exchange in its own way."""

    def apply(self, exchange: Exchange) -> None:
        """Call one of the exchange's ending methods."""


@dataclass(frozen=True)
class Pass:
    """The real answer, unchanged: what happens when no rule matches."""

    def apply(self, exchange: Exchange) -> None:
        """Forward."""
        exchange.send(exchange.real())


@dataclass(frozen=True)
class Refuse:
    """Close without a word. For a refusal by the kernel itself see `Edge.refuse`."""

    def apply(self, exchange: Exchange) -> None:
        """End the connection."""
        exchange.drop()


@dataclass(frozen=True)
class Reset:
    """TCP RST: at once, or `after` so many bytes of the real body."""

    after: int | None = None

    def apply(self, exchange: Exchange) -> None:
        """Reset the connection."""
        if self.after is None:
            exchange.drop(rst=True)
        else:
            exchange.send_part(exchange.real(), self.after, rst=True)


@dataclass(frozen=True)
class Hang:
    """Say nothing for `seconds`, or until `release`; then give the real answer.

    `reached` is set as soon as one request hangs: a test waits for that instead of sleeping.
    """

    seconds: float | None = None
    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def apply(self, exchange: Exchange) -> None:
        """Wait, then forward."""
        self.reached.set()
        self.released.wait(self.seconds)
        exchange.send(exchange.real())

    def release(self) -> None:
        """Let go of all that hang, and of all that come later."""
        self.released.set()


@dataclass(frozen=True)
class Status:
    """An answer of the edge's own, e.g. `Status(429, {"Retry-After": "1"})`."""

    code: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def apply(self, exchange: Exchange) -> None:
        """Answer."""
        exchange.send(Answer(self.code, "", tuple(self.headers.items()), self.body))


@dataclass(frozen=True)
class Truncate:
    """The real answer's head, but only the first `length` bytes of its body, then the end."""

    length: int

    def apply(self, exchange: Exchange) -> None:
        """Forward, and stop in the middle."""
        exchange.send_part(exchange.real(), self.length)


@dataclass(frozen=True)
class Garbage:
    """Status 200, said to be JSON, and is not."""

    body: bytes = b"<html>not what you asked for</html>"

    def apply(self, exchange: Exchange) -> None:
        """Answer."""
        headers = (("Content-Type", "application/json"),)
        exchange.send(Answer(200, "OK", headers, self.body))


@dataclass(frozen=True)
class Rewrite:
    """The real answer with its body changed, e.g. another catalog."""

    change: Callable[[bytes], bytes]
    status: int | None = None

    def apply(self, exchange: Exchange) -> None:
        """Forward, changed."""
        answer = exchange.real()
        status = answer.status if self.status is None else self.status
        exchange.send(replace(answer, body=self.change(answer.body), status=status))


@dataclass(frozen=True)
class Record:
    """The real answer, and its body kept in `bodies` by method and URL."""

    bodies: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def apply(self, exchange: Exchange) -> None:
        """Forward, and remember."""
        answer = exchange.real()
        self.bodies[exchange.question.method, exchange.question.url] = answer.body
        exchange.send(answer)


@dataclass(frozen=True)
class Delay:
    """The real answer, asked for `seconds` late."""

    seconds: float

    def apply(self, exchange: Exchange) -> None:
        """Wait, then forward."""
        time.sleep(self.seconds)
        exchange.send(exchange.real())
