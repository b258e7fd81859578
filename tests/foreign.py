"""A server of somebody else's, to which a cloud points: it keeps all that it hears."""

import socket

from tests.edge.listener import LoopbackServer

ANSWER = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


class Foreign(LoopbackServer):
    """Keeps all that it hears."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = b""

    def serve(self, connection: socket.socket) -> None:
        # What a client says at once fits into one piece: a head, and a short body after it.
        self.heard += connection.recv(65536)
        connection.sendall(ANSWER)
