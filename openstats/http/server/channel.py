"""A connection: waitress' channel, in which no thread waits for a client, and nothing for ever.

What a connection waits for has a deadline, which the loop of ``server`` holds it to.
"""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from time import monotonic
from typing import Any

from waitress.channel import ClientDisconnected, HTTPChannel
from waitress.task import ErrorTask, WSGITask

from openstats.http import errors, receiver_urls, request_id
from openstats.http.server.parser import Parser
from openstats.http.validation import excerpt

READING = ("GET", "HEAD", "OPTIONS")
UNSENT = 65_536
"""Bytes that may be unsent when the next of several pipelined requests is begun."""


@dataclass(frozen=True)
class Timeouts:
    """Seconds that a connection may wait for each thing."""

    head: float
    body: float
    idle: float
    send: float
    answer: float


class Answer(WSGITask):  # type: ignore[misc]
    """What the application answers.

    waitress closes a connection after an answer without Content-Length. An answer of status 204 or
    304 has none, and ends with its head: it is framed as an empty one, without saying so.
    """

    _framed = False
    response_headers: list[tuple[str, str]]

    @property
    def has_body(self) -> bool:
        """Whether the status allows a body."""
        return self._framed or bool(super().has_body)

    def build_response_header(self) -> bytes:
        """Return the head of the answer; it is the last one of its connection while draining."""
        if self.channel.server.draining:
            self.set_close_on_finish()
        if self.has_body:
            return bytes(super().build_response_header())
        headers = self.response_headers
        self.response_headers = [pair for pair in headers if pair[0].lower() != "content-length"]
        self.content_length, self._framed = 0, True
        head = bytes(super().build_response_header())
        self._framed = False
        return head.replace(b"Content-Length: 0\r\n", b"")


class DocumentedRefusal(ErrorTask):  # type: ignore[misc]
    """What waitress says to requests that never reach the application: too large, malformed."""

    def execute(self) -> None:
        """Write the error document instead of plain text."""
        error = self.request.error
        code, title = "openstats.request.refused", "The request was refused"
        if error.code == 413:
            code, title = errors.TooLargeError.code, errors.TooLargeError.title
        headers, body = _document(error.code, code, title, excerpt(error.body or error.reason))
        self.status = f"{error.code} {error.reason}"
        self.response_headers = headers
        self.close_on_finish = True
        self.content_length = len(body)
        self.write(body)


def _document(
    status: int, code: str, title: str, detail: str
) -> tuple[list[tuple[str, str]], bytes]:
    ident = request_id.generate()
    body = errors.document(status, code, title, (detail,), ident)
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        (request_id.HEADER, ident),
        ("Cache-Control", "no-store"),
        ("Connection", "close"),
    ]
    return headers, body


def refusal(status: str, title: str, detail: str) -> bytes:
    """Return a whole answer that needs no thread; with status 503 it says when to ask again."""
    number = int(status[:3])
    code = "openstats.service.busy" if number == 503 else "openstats.request.refused"
    headers, body = _document(number, code, title, detail)
    if number == 503:
        headers.append(("Retry-After", errors.RETRY_AFTER))
    lines = [f"HTTP/1.1 {status}", "Server: openstats", *map(": ".join, headers), "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


class Requests(Parser):
    """Requests whose bodies are as large as what they are sent to takes; chunks have a frame."""

    adj: Any

    def parse_header(self, header_plus: bytes) -> None:
        """Read the head of a request."""
        super().parse_header(header_plus)
        if self.path.startswith(receiver_urls.RECEIVERS):
            self.adj = copy(self.adj)
            self.adj.max_request_body_size = 2 * receiver_urls.LARGEST


class Channel(HTTPChannel):  # type: ignore[misc]
    """A connection with deadlines, whose refusals are documented."""

    task_class = Answer
    error_task_class = DocumentedRefusal
    parser_class = Requests
    writes = False
    answering = False
    """Whether something of the answer to the first request is on its way."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.used = False
        self._request: Any = None
        self._headed = False
        # When the wait began that is under way; each kind of wait has its own.
        self.reading_since = self.queued_at = self.sent_at = self.quiet_since = monotonic()

    def received(self, data: bytes) -> bool:
        """Take bytes, and note when a request or its body began."""
        taken = bool(super().received(data))
        request = self.request
        headed = request is not None and request.headers_finished
        if request is not self._request or headed != self._headed:
            self._request, self._headed = request, headed
            self.reading_since = monotonic()
        return taken

    def queue(self) -> None:
        """Note that the first request is to be answered from now on."""
        request = self.requests[0]
        self.writes = not request.error and request.command not in READING
        self.answering = False
        self.used = True
        self.queued_at = monotonic()

    def service(self) -> None:
        """Answer the first request."""
        super().service()
        self.reading_since = self.quiet_since = monotonic()

    def write_soon(self, data: Any) -> int:
        """Take a piece of an answer; it is sent when the client reads."""
        with self.outbuf_lock:
            if not self.connected:
                raise ClientDisconnected
            self.answering = True
            if not self.total_outbufs_len:
                self.sent_at = monotonic()
            return int(super().write_soon(data))

    def _flush_outbufs_below_high_watermark(self) -> None:
        """Wait for nobody: an answer is whole when it is written."""

    def _flush_some(self, do_close: bool = True) -> bool:
        sent = bool(super()._flush_some(do_close))
        if sent:
            self.sent_at = self.quiet_since = monotonic()
        return sent

    def overdue(self, limits: Timeouts, now: float) -> Callable[[], None] | None:
        """Return what to do when this connection has waited for too long; None if it has not."""
        if self.total_outbufs_len:
            return self.drop if now - self.sent_at > limits.send else None
        if self.will_close or self.close_when_flushed:
            return None
        if self.requests:
            return self.give_up if now - self.queued_at > limits.answer else None
        if self.request is not None:
            longest = limits.body if self._headed else limits.head
            return self.hurry if now - self.reading_since > longest else None
        longest = limits.idle if self.used else limits.head
        return self.drop if now - self.quiet_since > longest else None

    def drop(self) -> None:
        """Close the connection."""
        self.handle_close()

    def hurry(self) -> None:
        """Refuse a request of which the rest does not come."""
        part = "body" if self._headed else "head"
        detail = f"the {part} of the request did not come in time: send it again, at once"
        self._refuse(refusal("408 Request Timeout", "The request was refused", detail))

    def give_up(self) -> None:
        """Answer 503 for what has not been answered in time; whoever still works at it is late."""
        detail = "no answer within [api] request_timeout: ask again after Retry-After seconds"
        self._refuse(refusal("503 Service Unavailable", "The service is busy", detail))

    def _refuse(self, reply: bytes) -> None:
        # Where a thread writes just now, there is an answer.
        if not self.outbuf_lock.acquire(blocking=False):
            return
        try:
            if self.requests and self.answering:
                return
            self.outbufs[-1].append(reply)
            self.total_outbufs_len += len(reply)
            self.sent_at = monotonic()
            self.close_when_flushed = True
            # A thread that is still at work finds nobody to answer.
            self.connected = False
        finally:
            self.outbuf_lock.release()
