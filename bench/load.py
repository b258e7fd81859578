"""Load: a few connections that ask one after the other, and how long each answer took."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice

CONNECTIONS = 4


@dataclass(frozen=True)
class Measured:
    """Requests a second, and the 99th percentile of an answer's seconds."""

    throughput: float
    p99: float


class Client:
    """One connection that stays open."""

    def __init__(self, port: int, token: str = "") -> None:
        self.token = f"X-Auth-Token: {token}\r\n" if token else ""
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def get(self, path: str) -> tuple[int, bytes]:
        """Ask, and give status and body."""
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{self.token}\r\n".encode())
        while b"\r\n\r\n" not in self.rest:
            self._receive()
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        while len(self.rest) < length:
            self._receive()
        body, self.rest = self.rest[:length], self.rest[length:]
        return int(head.split(b" ", 2)[1]), body

    def _receive(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the server hung up")
        self.rest += data


def load(
    port: int,
    paths: Sequence[str],
    check: Callable[[bytes], None],
    seconds: float = 1.0,
    token: str = "",
) -> Measured:
    """Ask for the paths in turn, from every connection, and check each answer."""
    taken: list[float] = []
    failures: list[BaseException] = []
    began = time.perf_counter()

    def ask(mine: Iterator[str]) -> None:
        try:
            client = Client(port, token)
            for path in mine:
                start = time.perf_counter()
                status, body = client.get(path)
                end = time.perf_counter()
                taken.append(end - start)
                assert status == 200, f"{path}: {status} {body[:200]!r}"
                check(body)
                if end - began > seconds:
                    return
        except BaseException as error:
            failures.append(error)

    threads = [
        threading.Thread(
            target=ask, args=(islice(cycle(paths), n * len(paths) // CONNECTIONS, None),)
        )
        for n in range(CONNECTIONS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    elapsed = time.perf_counter() - began
    return Measured(len(taken) / elapsed, sorted(taken)[int(len(taken) * 0.99)])
