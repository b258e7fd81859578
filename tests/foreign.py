"""A server of somebody else's, to which a cloud points: it keeps all that it hears."""

import socket
from typing import Self

from tests.edge.listener import Listener

ANSWER = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


class Foreign:
    """Listens on a port of loopback while the context lasts."""

    def __init__(self) -> None:
        self.heard = b""
        self._listener = Listener(self._hear)

    def __enter__(self) -> Self:
        self._listener.open()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.port}"

    def _hear(self, connection: socket.socket) -> None:
        # What a client says at once fits into one piece: a head, and a short body after it.
        self.heard += connection.recv(65536)
        connection.sendall(ANSWER)
