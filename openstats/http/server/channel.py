"""A connection, which waitress calls a channel: no thread waits for its client, nothing for ever.

What a connection waits for has a deadline, which the loop of ``server`` holds it to.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

from waitress.channel import ClientDisconnected, HTTPChannel

from openstats.http.server.parser import Parser
from openstats.http.server.tasks import ApplicationTask, RefusalTask, refusal

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


class Channel(HTTPChannel):  # type: ignore[misc]
    """A connection with deadlines, whose refusals are documented."""

    task_class = ApplicationTask
    error_task_class = RefusalTask
    parser_class = Parser
    writes = False
    answering = False
    """Whether something of the answer to the first request is on its way."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.used = False
        self._request: Any = None
        self._has_head = False
        # When the wait began that is under way; each kind of wait has its own.
        self.reading_since = self.queued_at = self.sent_at = self.quiet_since = monotonic()

    def received(self, data: bytes) -> bool:
        """Take bytes, and note when a request or its body began."""
        is_open = bool(super().received(data))
        request = self.request
        has_head = request is not None and request.headers_finished
        if request is not self._request or has_head != self._has_head:
            self._request, self._has_head = request, has_head
            self.reading_since = monotonic()
        return is_open

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
        has_sent = bool(super()._flush_some(do_close))
        if has_sent:
            self.sent_at = self.quiet_since = monotonic()
        return has_sent

    def overdue_action(self, timeouts: Timeouts, now: float) -> Callable[[], None] | None:
        """Return what to do when this connection has waited for too long; None if it has not."""
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
        """Refuse a request of which the rest does not come."""
        part = "body" if self._has_head else "head"
        detail = f"the {part} of the request did not arrive in time: send the request again"
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
