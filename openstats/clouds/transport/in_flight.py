"""The requests to one cloud that are under way: each has an end, and all can be ended at once.

A thread that reads from a silent socket hears nothing: it wakes up when the socket is shut down.
"""

import math
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from openstats.errors import StoppedError

PERIOD = 0.5
"""Seconds between two looks whether a request is overdue."""

GRACE = 2.0
"""Seconds in which requests under way may be answered once everything is to end."""

_thread = threading.local()


class InFlightRequest:
    """One request and its answer; ``ends_at`` is a time of the monotonic clock."""

    def __init__(self, ends_at: float) -> None:
        self.ends_at = ends_at
        self.cut = False
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()

    def follow(self, sock: socket.socket) -> None:
        """Remember a socket of the request, whoever wraps or replaces it."""
        with self._lock:
            self._sockets.append(socket.socket(fileno=os.dup(sock.fileno())))
            if self.cut:
                self._shut_down()

    def end(self) -> None:
        """Shut the sockets down: whoever waits for them goes on at once."""
        with self._lock:
            self.cut = True
            self._shut_down()

    def close(self) -> None:
        """Forget the sockets."""
        with self._lock:
            for sock in self._sockets:
                sock.close()
            self._sockets.clear()

    def _shut_down(self) -> None:
        for sock in self._sockets:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def follow(sock: socket.socket) -> None:
    """Remember a socket of this thread's request."""
    exchange: InFlightRequest | None = getattr(_thread, "exchange", None)
    if exchange:
        exchange.follow(sock)


def let_go() -> None:
    """Let another thread have a large answer: this one has done with its own."""
    large: threading.Semaphore | None = getattr(_thread, "large", None)
    if large:
        _thread.large = None
        large.release()


class InFlightRequests:
    """What is under way to one cloud; safe to share between threads.

    ``answered_at`` is when the cloud answered last, by the monotonic clock.
    """

    def __init__(self) -> None:
        self.answered_at = time.monotonic()
        self._under_way: set[InFlightRequest] = set()
        self._watching = False
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._large = threading.Semaphore()

    @contextmanager
    def begun(self, seconds: float) -> Iterator[InFlightRequest]:
        """Have a request of this thread end after so many seconds, be it answered or not.

        Raises:
            StoppedError: no request is made any more.
        """
        exchange = InFlightRequest(time.monotonic() + seconds)
        self._begin(exchange)
        _thread.exchange = exchange
        try:
            yield exchange
            self.answered_at = time.monotonic()
        finally:
            _thread.exchange = None
            with self._lock:
                self._under_way.discard(exchange)
            exchange.close()

    def _begin(self, exchange: InFlightRequest) -> None:
        with self._lock:
            self.check()
            self._under_way.add(exchange)
            if not self._watching:
                self._watching = True
                threading.Thread(target=self._watch, name="watch", daemon=True).start()

    def _watch(self) -> None:
        """End what is overdue, for as long as anything is under way."""
        while True:
            time.sleep(PERIOD)
            with self._lock:
                now = time.monotonic()
                overdue = [e for e in self._under_way if e.ends_at <= now]
                self._watching = bool(self._under_way)
                if not self._watching:
                    return
            for exchange in overdue:
                exchange.end()

    def hold_large(self, exchange: InFlightRequest) -> None:
        """Wait until no other thread has a large answer of this cloud in hand, or reads one.

        What ``let_go`` ends. A large answer becomes several times as large once it is read.
        """
        if getattr(_thread, "large", None):
            return
        left = exchange.ends_at - time.monotonic()
        exchange.ends_at = math.inf
        while not self._large.acquire(timeout=PERIOD):
            self.check()
        _thread.large = self._large
        exchange.ends_at = time.monotonic() + left

    def rest(self, seconds: float) -> None:
        """Wait, and no longer than until everything is to end.

        Raises:
            StoppedError: everything is to end.
        """
        self._stopped.wait(seconds)
        self.check()

    def check(self) -> None:
        """Raise StoppedError once everything is to end."""
        if self._stopped.is_set():
            raise StoppedError("stopping: no cloud is asked any more")

    def stop(self, grace: float = GRACE) -> None:
        """Let nothing begin any more, and end what is under way after so many seconds."""
        self._stopped.set()
        latest = time.monotonic() + grace
        with self._lock:
            for exchange in self._under_way:
                exchange.ends_at = min(exchange.ends_at, latest)
