"""The requests to one cloud that are in flight: each has a deadline, and all can be stopped.

A thread that reads from a silent socket wakes up only when another thread shuts the socket down.
"""

import math
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from openstats.errors import StoppedError

CHECK_PERIOD = 0.5
"""Seconds between two checks for overdue requests."""

STOP_GRACE = 2.0
"""Seconds that requests in flight have to end after a stop."""

_thread = threading.local()
"""State of a thread: ``request``, for the connections that urllib3 opens for it, and ``turn``, the
semaphore that the thread holds for a large response."""


class InFlightRequest:
    """One request until its response is read; ``deadline`` is in seconds of the monotonic clock."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.is_cut = False
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()

    def add_socket(self, sock: socket.socket) -> None:
        """Add a duplicate of a socket: the original may be wrapped or replaced."""
        with self._lock:
            self._sockets.append(socket.socket(fileno=os.dup(sock.fileno())))
            if self.is_cut:
                self._shut_down()

    def cut(self) -> None:
        """Shut the sockets down: a thread that waits for them continues at once."""
        with self._lock:
            self.is_cut = True
            self._shut_down()

    def close(self) -> None:
        """Close the duplicates of the sockets."""
        with self._lock:
            for sock in self._sockets:
                sock.close()
            self._sockets.clear()

    def _shut_down(self) -> None:
        for sock in self._sockets:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def register_socket(sock: socket.socket) -> None:
    """Add a socket to the request of this thread, if it has one."""
    request: InFlightRequest | None = getattr(_thread, "request", None)
    if request:
        request.add_socket(sock)


def release_large_answer() -> None:
    """Let another thread read a large response: this thread has finished with its own."""
    turn: threading.Semaphore | None = getattr(_thread, "turn", None)
    if turn:
        _thread.turn = None
        turn.release()


class InFlightRequests:
    """All requests to one cloud that are in flight; thread-safe.

    ``answered_at`` is the time of the last response, in seconds of the monotonic clock.
    """

    def __init__(self) -> None:
        self.answered_at = time.monotonic()
        self._requests: set[InFlightRequest] = set()
        self._is_watched = False
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._turn = threading.Semaphore()

    @contextmanager
    def start(self, seconds: float) -> Iterator[InFlightRequest]:
        """Register this thread's request; cut it after ``seconds``.

        Raises:
            StoppedError: ``stop`` was called.
        """
        request = InFlightRequest(time.monotonic() + seconds)
        self._add(request)
        _thread.request = request
        try:
            yield request
            self.answered_at = time.monotonic()
        finally:
            _thread.request = None
            with self._lock:
                self._requests.discard(request)
            request.close()

    def _add(self, request: InFlightRequest) -> None:
        with self._lock:
            self.refuse_stopped()
            self._requests.add(request)
            if not self._is_watched:
                self._is_watched = True
                threading.Thread(target=self._watch, name="watch", daemon=True).start()

    def _watch(self) -> None:
        """Cut overdue requests while any request is in flight."""
        while True:
            time.sleep(CHECK_PERIOD)
            with self._lock:
                now = time.monotonic()
                overdue = [request for request in self._requests if request.deadline <= now]
                self._is_watched = bool(self._requests)
                if not self._is_watched:
                    return
            for request in overdue:
                request.cut()

    def acquire_large_answer(self, request: InFlightRequest) -> None:
        """Wait until no other thread holds a large response of this cloud.

        A parsed response needs several times its size in memory. ``release_large_answer`` ends the
        turn. The waiting time does not count towards the deadline.

        Raises:
            StoppedError: ``stop`` was called.
        """
        if getattr(_thread, "turn", None):
            return
        seconds = request.deadline - time.monotonic()
        request.deadline = math.inf
        while not self._turn.acquire(timeout=CHECK_PERIOD):
            self.refuse_stopped()
        _thread.turn = self._turn
        request.deadline = time.monotonic() + seconds

    def pause(self, seconds: float) -> None:
        """Wait for ``seconds``, or until ``stop`` is called.

        Raises:
            StoppedError: ``stop`` was called.
        """
        self._stopped.wait(seconds)
        self.refuse_stopped()

    def refuse_stopped(self) -> None:
        """Raise StoppedError if ``stop`` was called."""
        if self._stopped.is_set():
            raise StoppedError("stopping: no cloud is asked any more")

    def stop(self, grace: float = STOP_GRACE) -> None:
        """Refuse new requests, and cut those in flight after ``grace`` seconds."""
        self._stopped.set()
        latest = time.monotonic() + grace
        with self._lock:
            for request in self._requests:
                request.deadline = min(request.deadline, latest)
