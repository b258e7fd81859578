"""One request that came through the edge, and every way in which it can end.

Actions decide *what* happens by calling these methods; sockets are touched nowhere else.
"""

import http.client
import socket
import time
from collections.abc import Callable

from tests.edge.listener import hang_up, reset
from tests.edge.upstream import Answer, Question, Upstream, UpstreamError, forwarded

# Told before anything is sent (status or None, seconds): who has the answer finds it recorded.
Record = Callable[[int | None, float], None]


class Exchange:
    """A request with its client's connection; ends exactly once."""

    def __init__(
        self, question: Question, connection: socket.socket, upstream: Upstream, record: Record
    ) -> None:
        self.keep_alive = True
        self.question = question
        self._connection = connection
        self._upstream = upstream
        self._record = record
        self._began = time.monotonic()

    def real(self) -> Answer:
        """Ask the real server; 502 when it cannot be reached, as proxies do."""
        try:
            return self._upstream.ask(self.question)
        except UpstreamError as error:
            body = f"upstream unreachable: {error}\n".encode()
            return Answer(502, "Bad Gateway", (("Content-Type", "text/plain"),), body)

    def send(self, answer: Answer) -> None:
        """Give the client this answer whole."""
        self._note(answer.status)
        self._connection.sendall(self._head(answer) + self._shown(answer))

    def send_part(self, answer: Answer, length: int, rst: bool = False) -> None:
        """Announce the whole body, send its first `length` bytes, end the connection."""
        self._note(answer.status)
        self._connection.sendall(self._head(answer) + self._shown(answer)[:length])
        self._end(rst)

    def send_endless(self, begin: bytes, piece: bytes) -> None:
        """Announce no length, and send until the client has enough."""
        self._note(200)
        self.keep_alive = False
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
        self._connection.sendall(head + begin)
        while True:
            self._connection.sendall(piece)

    def send_slowly(self, answer: Answer, seconds: float, head_too: bool) -> None:
        """Send byte after byte, so many seconds apart, until the client has enough."""
        self._note(answer.status)
        head, body = self._head(answer), self._shown(answer)
        if not head_too:
            self._connection.sendall(head)
        for byte in head + body if head_too else body:
            self._connection.sendall(bytes([byte]))
            time.sleep(seconds)

    def drop(self, rst: bool = False) -> None:
        """End the connection without an answer."""
        self._note(None)
        self._end(rst)

    def _end(self, rst: bool) -> None:
        self.keep_alive = False
        if rst:
            reset(self._connection)
        else:
            hang_up(self._connection)

    def _note(self, status: int | None) -> None:
        self._record(status, time.monotonic() - self._began)

    def _shown(self, answer: Answer) -> bytes:
        return b"" if self.question.method == "HEAD" else answer.body

    def _head(self, answer: Answer) -> bytes:
        reason = answer.reason or http.client.responses.get(answer.status, "")
        lines = [f"HTTP/1.1 {answer.status} {reason}"]
        lines += [f"{name}: {value}" for name, value in forwarded(answer.headers)]
        if answer.status not in (204, 304):
            lines.append(f"Content-Length: {self._length(answer)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _length(self, answer: Answer) -> int:
        # The answer to HEAD has no body, but says how long GET's would be.
        if self.question.method == "HEAD":
            headers = {name.lower(): value for name, value in answer.headers}
            return int(headers.get("content-length", 0))
        return len(answer.body)
