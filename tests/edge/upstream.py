"""The far side of the edge: asks the real server, over connections that are kept.

One `Upstream` belongs to one client connection, and so to one thread; nothing here is shared.
"""

import contextlib
import http.client
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

# RFC 9110, 7.6.1: these concern one connection and are not passed on. Accept-Encoding is replaced,
# so that actions and rewriters see the bytes that the service meant.
NOT_FORWARDED = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
STALE = (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected)


class UpstreamError(Exception):
    """The server could not be asked; the message says why."""


@dataclass(frozen=True)
class Question:
    """An HTTP request in absolute form, its body whole."""

    method: str
    url: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def netloc(self) -> str:
        """Whom it is for."""
        return urlsplit(self.url).netloc

    @property
    def target(self) -> str:
        """What a server wants to see of the URL."""
        parts = urlsplit(self.url)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; `body` is whole and not encoded for transfer."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


def forwarded(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Choose the headers that a proxy passes on."""
    return [(name, value) for name, value in headers if name.lower() not in NOT_FORWARDED]


class Upstream:
    """Kept connections to any number of servers, for one thread."""

    def __init__(self, timeout: float = 120.0) -> None:
        self._timeout = timeout
        self._connections: dict[str, http.client.HTTPConnection] = {}

    def ask(self, question: Question) -> Answer:
        """Send the request and read the whole answer. Raises UpstreamError."""
        try:
            if connection := self._connections.pop(question.netloc, None):
                # The server may have closed it while it was idle: no answer began, so ask anew.
                with contextlib.suppress(*STALE):
                    return self._talk(connection, question)
                connection.close()
            connection = http.client.HTTPConnection(question.netloc, timeout=self._timeout)
            return self._talk(connection, question)
        except (OSError, http.client.HTTPException) as error:
            raise UpstreamError(repr(error)) from error

    def close(self) -> None:
        """Close all kept connections."""
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()

    def _talk(self, connection: http.client.HTTPConnection, question: Question) -> Answer:
        connection.putrequest(
            question.method, question.target, skip_host=True, skip_accept_encoding=True
        )
        for name, value in forwarded(question.headers):
            connection.putheader(name, value)
        connection.putheader("Accept-Encoding", "identity")
        if question.body or question.method in ("POST", "PUT", "PATCH"):
            connection.putheader("Content-Length", str(len(question.body)))
        connection.endheaders(question.body or None)
        response = connection.getresponse()
        answer = Answer(
            response.status, response.reason, tuple(response.getheaders()), response.read()
        )
        if not response.will_close:
            self._connections[question.netloc] = connection
        return answer
