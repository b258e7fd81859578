"""The application on a real socket, and a client that sends bytes as they are."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any, NamedTuple

from openstats.http.server.health import Health
from openstats.http.server.server import Server
from tests.postgresql import free_port


@contextmanager
def serving(
    app: Any, options: Callable[..., Any], health: Health | None = None, **changed: Any
) -> Iterator[Server]:
    """Serve with options of [api]; the server is drained in the end."""
    overrides = {"port": free_port(), "drain_delay": 0} | changed
    loaded = options(**{f"api__{name}": value for name, value in overrides.items()})
    server = Server(app, loaded.api, health)
    thread = Thread(target=server.run)
    thread.start()
    yield server
    server.drain()
    thread.join(timeout=30)
    assert not thread.is_alive()
    server.close()


@contextmanager
def listening(app: Any, options: Callable[..., Any], **changed: Any) -> Iterator[int]:
    """Serve, and give the port."""
    with serving(app, options, **changed) as server:
        yield server.effective_port


class Reply(NamedTuple):
    """An answer: status, headers (names in lower case), body."""

    status: int
    headers: dict[str, str]
    body: bytes


def replies(port: int, raw: bytes) -> list[Reply]:
    """Send bytes as they are on one connection, and give every answer that comes back."""
    found, said = [], _exchanged(port, raw)
    while said:
        head, _, said = said.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {n.lower(): value for n, _, value in (line.partition(": ") for line in lines)}
        length = int(headers.get("content-length", 0))
        found.append(Reply(int(first.split()[1]), headers, said[:length]))
        said = said[length:]
    return found


def _exchanged(port: int, raw: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        try:
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # It has answered and closed before it had read all.
        return _read(connection)


def _read(connection: socket.socket) -> bytes:
    answer = b""
    try:
        while piece := connection.recv(65536):
            answer += piece
    except ConnectionResetError:
        pass
    return answer
