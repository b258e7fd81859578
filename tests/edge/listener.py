"""A threaded TCP listener whose port can be closed and opened again, connections included.

One daemon thread per connection: requests that sleep or hang never hold up one another. What is
spoken on a connection is the caller's business.
"""

import contextlib
import socket
import struct
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Self

BACKLOG = 256


def reset(connection: socket.socket) -> None:
    """Close with a TCP RST instead of a FIN: unread and unsent bytes are thrown away."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    hang_up(connection, reader_too=False)


def hang_up(connection: socket.socket, reader_too: bool = True) -> None:
    """Close a socket that other threads or file objects may still hold.

    `shutdown` wakes a thread that reads from it; it sends the FIN, so an RST must do without.
    """
    if reader_too:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
    connection.close()


class Listener:
    """Accepts on 127.0.0.1 and hands every connection to `serve` in a thread of its own."""

    def __init__(self, serve: Callable[[socket.socket], None], port: int = 0) -> None:
        """`port` 0 takes a free one; it is kept for good, so `open` after `close` finds it."""
        self.port = port
        self._serve = serve
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Begin to listen. Does nothing when it already does."""
        if self._socket is not None:
            return
        self._socket = socket.create_server(("127.0.0.1", self.port), backlog=BACKLOG)
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(
            target=self._accept, args=(self._socket,), name=f"listen-{self.port}", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening and end every connection: whoever connects now is refused."""
        if self._socket is None or self._thread is None:
            return
        # On Linux this, not close(), is what wakes the thread in accept().
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()
        self._socket = self._thread = None
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            hang_up(connection)

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._connections.add(connection)
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection: socket.socket) -> None:
        try:
            # The other side may go away at any time; that is its right, not our error.
            with contextlib.suppress(OSError):
                self._serve(connection)
        finally:
            with self._lock:
                self._connections.discard(connection)
            hang_up(connection)


class LoopbackServer(ABC):
    """A server that listens while its context lasts."""

    def __init__(self) -> None:
        self._listener = Listener(self.serve)

    def __enter__(self) -> Self:
        self._listener.open()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    @property
    def url(self) -> str:
        """The URL of its root."""
        return f"http://127.0.0.1:{self._listener.port}"

    @abstractmethod
    def serve(self, connection: socket.socket) -> None:
        """Answer on a connection."""
