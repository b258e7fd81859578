"""Connections, which waitress calls channels. No thread ever waits for a client.

Every wait of a connection has a deadline, which the loop of ``server`` enforces.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

from waitress.channel import ClientDisconnected, HTTPChannel

from openstats.http.request import READ_METHODS
from openstats.http.server.parser import Parser
from openstats.http.server.tasks import ApplicationTask, RefusalTask, refusal

SAFE_METHODS = (*READ_METHODS, "OPTIONS")
"""Methods that do not write to the store (RFC 9110, 9.2.1)."""
MAX_UNSENT = 65_536
"""Maximum number of unsent bytes at which the next pipelined request is started."""


@dataclass(frozen=True)
class Timeouts:
    """Deadlines of a connection, in seconds: for each thing that it may wait for."""

    head: float
    body: float
    idle: float
    send: float
    answer: float


class Channel(HTTPChannel):  # type: ignore[misc]
    """A connection with deadlines, which refuses requests with the error document."""

    task_class = ApplicationTask
    error_task_class = RefusalTask
    parser_class = Parser
    writes = False
    answering = False
    """Whether a part of the response to the first request has been written."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.used = False
        self._request: Parser | None = None
        self._has_head = False
        # The start of the current wait, for each kind of wait.
        self.reading_since = self.queued_at = self.sent_at = self.quiet_since = monotonic()

    def received(self, data: bytes) -> bool:
        """Take received bytes, and note when a request or its body begins."""
        is_open = bool(super().received(data))
        request = self.request
        has_head = request is not None and request.headers_finished
        if request is not self._request or has_head != self._has_head:
            self._request, self._has_head = request, has_head
            self.reading_since = monotonic()
        return is_open

    def queue(self) -> None:
        """Note that the first request waits for its response from now on."""
        request = self.requests[0]
        self.writes = not request.error and request.command not in SAFE_METHODS
        self.answering = False
        self.used = True
        self.queued_at = monotonic()

    def service(self) -> None:
        """Answer the first request."""
        super().service()
        self.reading_since = self.quiet_since = monotonic()

    def write_soon(self, data: bytes) -> int:
        """Buffer a part of a response; the loop sends it when the client reads."""
        with self.outbuf_lock:
            if not self.connected:
                raise ClientDisconnected
            self.answering = True
            if not self.total_outbufs_len:
                self.sent_at = monotonic()
            return int(super().write_soon(data))

    def _flush_outbufs_below_high_watermark(self) -> None:
        """Do not wait: a response is buffered as a whole."""

    def _flush_some(self, do_close: bool = True) -> bool:
        has_sent = bool(super()._flush_some(do_close))
        if has_sent:
            self.sent_at = self.quiet_since = monotonic()
        return has_sent

    def overdue_action(self, timeouts: Timeouts, now: float) -> Callable[[], None] | None:
        """Return what to do if this connection is past a deadline; None if it is not."""
        if self.total_outbufs_len:
            return self.drop if now - self.sent_at > timeouts.send else None
        if self.will_close or self.close_when_flushed:
            return None
        if self.requests:
            return self.give_up if now - self.queued_at > timeouts.answer else None
        if self.request is not None:
            timeout = timeouts.body if self._has_head else timeouts.head
            return self.hurry if now - self.reading_since > timeout else None
        timeout = timeouts.idle if self.used else timeouts.head
        return self.drop if now - self.quiet_since > timeout else None

    def drop(self) -> None:
        """Close the connection."""
        self.handle_close()

    def hurry(self) -> None:
        """Refuse a request whose head or body did not arrive in time."""
        part = "body" if self._has_head else "head"
        detail = f"the {part} of the request did not arrive in time: send the request again"
        self._refuse(refusal("408 Request Timeout", "Request refused", detail))

    def give_up(self) -> None:
        """Answer 503 for a request past its deadline; a thread at work on it comes too late."""
        detail = "no answer within [api] request_timeout: ask again after Retry-After seconds"
        self._refuse(refusal("503 Service Unavailable", "Service busy", detail))

    def _refuse(self, reply: bytes) -> None:
        # A thread holds the lock while it writes, so that there is a response.
        if not self.outbuf_lock.acquire(blocking=False):
            return
        try:
            if self.requests and self.answering:
                return
            self.outbufs[-1].append(reply)
            self.total_outbufs_len += len(reply)
            self.sent_at = monotonic()
            self.close_when_flushed = True
            # A thread that is still at work must not write any more.
            self.connected = False
        finally:
            self.outbuf_lock.release()
