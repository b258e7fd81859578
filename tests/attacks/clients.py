"""What clients do to a service: each attack lasts as long as its block."""

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from threading import Event, Thread

from tests.attacks.service import PATIENCE, Question, Service

FEW, MANY = 20, 200
BYTE_EVERY = 0.3


@contextmanager
def connected(port: int, count: int) -> Iterator[list[socket.socket]]:
    """Open connections."""
    with ExitStack() as stack:
        address = ("127.0.0.1", port)
        yield [
            stack.enter_context(socket.create_connection(address, timeout=PATIENCE))
            for _ in range(count)
        ]


def read_to_end(connection: socket.socket) -> bytes:
    """Return what comes until the service closes the connection."""
    said = b""
    with suppress(ConnectionError):
        while piece := connection.recv(2**16):
            said += piece
    return said


def status(said: bytes) -> bytes:
    """Return the status of the first answer, empty if there is none."""
    return said[9:12]


@contextmanager
def pipelining(service: Service) -> Iterator[None]:
    """Ask on four connections a hundred times for the script of /docs, and read nothing."""
    (script, *_) = re.findall(r'src="([^"]+)"', service.ask(Question("/docs")).body.decode())
    asked = f"GET /{script} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * 100
    with connected(service.port, 4) as greedy:
        for connection in greedy:
            connection.sendall(asked)
        yield
        for connection in greedy:
            assert 0 < read_to_end(connection).count(b"HTTP/1.1 200 OK") < 100


@contextmanager
def silent(service: Service) -> Iterator[None]:
    """Connect, and say nothing."""
    with connected(service.port, MANY) as connections:
        yield
        assert {read_to_end(connection) for connection in connections} == {b""}


@contextmanager
def dripping(service: Service, begin: bytes) -> Iterator[None]:
    """Send a beginning, and then a byte now and then; each connection is refused, or closed."""
    ended = Event()
    with connected(service.port, MANY) as connections:
        drip = Thread(target=_drip, args=(connections, begin, ended))
        drip.start()
        try:
            yield
        finally:
            ended.set()
            drip.join()
        # One that is closed without a word had to make room for another.
        statuses = {status(read_to_end(connection)) for connection in connections}
        assert statuses - {b""} == {b"408"}


def _drip(connections: list[socket.socket], begin: bytes, ended: Event) -> None:
    piece = begin
    while not ended.is_set():
        for connection in connections:
            with suppress(OSError):
                connection.sendall(piece)
        piece = b"x"
        ended.wait(BYTE_EVERY)


HEAD = b"GET /healthcheck HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
BODY = (
    b"POST /api/customers/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 1000\r\n\r\n{"
)


@contextmanager
def bare_line_feeds(service: Service) -> Iterator[None]:
    """End lines with LF alone: that is refused, and at once."""
    with connected(service.port, FEW) as connections:
        for connection in connections:
            connection.sendall(b"GET /healthcheck HTTP/1.1\nHost: localhost\n\n")
        assert {status(read_to_end(connection)) for connection in connections} == {b"400"}
        yield
