"""Clients that send slowly, or read nothing, or are many: nobody else waits for them."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Event
from typing import Any

import pytest

from openstats.http.server.health import Health
from tests.api.listening import replies, serving
from tests.devcloud.process import wait_for

GET = b"GET /healthcheck HTTP/1.1\r\nHost: localhost\r\n\r\n"
CLOSING = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
WELL = {"store": lambda: None}

Options = Callable[..., Any]


def healthy() -> Health:
    health = Health(WELL)
    health.watched = True
    return health


def answering(body: bytes, status: str = "200 OK", **headers: str) -> Any:
    """Make an application that has one answer."""
    listed = [(name.replace("_", "-"), value) for name, value in headers.items()]

    def application(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response(status, listed)
        return [body] if body else []

    return application


@contextmanager
def connected(port: int, count: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        address = ("127.0.0.1", port)
        yield [
            stack.enter_context(socket.create_connection(address, timeout=20)) for _ in range(count)
        ]


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def read_all(connection: socket.socket) -> bytes:
    answer = b""
    while piece := connection.recv(65536):
        answer += piece
    return answer


def test_pipelining_client_that_reads_nothing_takes_no_thread(options: Options) -> None:
    application = answering(b"x" * 4_000_000, Content_Length="4000000")
    with (
        serving(application, options, threads=2) as server,
        connected(server.effective_port, 4) as greedy,
    ):
        for connection in greedy:
            connection.sendall(GET * 100)
        wait_for("the first", lambda: len(server.channels) == 4, timeout=10)
        (reply,) = replies(server.effective_port, CLOSING)
        assert (reply.status, len(reply.body)) == (200, 4_000_000)
        # Of a hundred answers those are made that fit, and not four hundred megabytes.
        assert all(each.total_outbufs_len <= 4_100_000 for each in server.channels)


def test_all_pipelined_requests_are_answered_to_who_reads(options: Options) -> None:
    application = answering(b"x" * 500_000, Content_Length="500000")
    with serving(application, options, threads=1) as server:
        answers = replies(server.effective_port, GET * 20)
    assert [(each.status, len(each.body)) for each in answers] == [(200, 500_000)] * 20


@pytest.mark.parametrize(
    ("raw", "limit"),
    [
        (b"GET /heal", "head_timeout"),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n1", "body_timeout"),
    ],
)
def test_a_request_that_does_not_end_is_refused(options: Options, raw: bytes, limit: str) -> None:
    with (
        serving(answering(b""), options, **{limit: 0.2}) as server,
        connected(server.effective_port, 1) as (slow,),
    ):
        slow.sendall(raw)
        answer = read_all(slow)
    assert status_of(answer) == 408
    (error,) = json.loads(answer.partition(b"\r\n\r\n")[2])["errors"]
    assert error["code"] == "openstats.request.refused"


@pytest.mark.parametrize("first", [b"", GET])
def test_a_silent_connection_is_closed(options: Options, first: bytes) -> None:
    limits = {"head_timeout": 0.2, "idle_timeout": 0.2}
    with (
        serving(answering(b"ok", Content_Length="2"), options, **limits) as server,
        connected(server.effective_port, 1) as (silent,),
    ):
        silent.sendall(first)
        assert read_all(silent).count(b"200 OK") == bool(first)


def test_idle_connections_lock_nobody_out(options: Options) -> None:
    application = answering(b"ok", Content_Length="2")
    with (
        serving(application, options, connections=20) as server,
        connected(server.effective_port, 60) as idle,
    ):
        for connection in idle[:20]:
            connection.sendall(b"GET / HTTP/1.1\r\nX:")
        (reply,) = replies(server.effective_port, CLOSING)
        assert reply.status == 200
        assert len(server.channels) <= 20


def test_a_client_has_a_maximum_of_connections(options: Options) -> None:
    with (
        serving(answering(b""), options, client_connections=2) as server,
        connected(server.effective_port, 3) as (*_, third),
    ):
        answer = read_all(third)
        assert status_of(answer) == 503
        assert b"\r\nRetry-After: " in answer
        assert len(server.channels) == 2


class Stuck:
    """An application that waits until it is let go, but for ``/quick``."""

    def __init__(self) -> None:
        self.waiting = 0
        self.released = Event()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/stuck":
            self.waiting += 1
            self.released.wait(30)
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]


STUCK = b"%s /stuck HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    application = Stuck()
    yield application
    application.released.set()


def test_health_is_answered_while_all_threads_wait(options: Options, stuck: Stuck) -> None:
    with (
        serving(stuck, options, healthy(), threads=2) as server,
        connected(server.effective_port, 4) as waiting,
    ):
        for connection in waiting:
            connection.sendall(STUCK % b"GET")
        wait_for("the threads", lambda: stuck.waiting == 2, timeout=10)
        (reply,) = replies(server.effective_port, CLOSING)
        assert reply.status == 200
        stuck.released.set()


def test_late_answer_is_503(options: Options, stuck: Stuck) -> None:
    with (
        serving(stuck, options, threads=2, request_timeout=0.3) as server,
        connected(server.effective_port, 4) as waiting,
    ):
        for connection in waiting:
            connection.sendall(STUCK % b"GET")
        answers = [read_all(connection) for connection in waiting]
        stuck.released.set()
        assert [status_of(answer) for answer in answers] == [503] * 4
        assert all(b"\r\nRetry-After: " in answer for answer in answers)
        (reply,) = replies(server.effective_port, CLOSING)
        assert reply.status == 200


def test_writers_leave_a_thread_to_readers(options: Options, stuck: Stuck) -> None:
    with (
        serving(stuck, options, threads=4, write_threads=3) as server,
        connected(server.effective_port, 6) as writing,
    ):
        for connection in writing:
            connection.sendall(STUCK % b"POST")
        wait_for("the writers", lambda: stuck.waiting == 3, timeout=10)
        (reply,) = replies(server.effective_port, CLOSING.replace(b"/healthcheck", b"/quick"))
        assert reply.status == 200
        assert stuck.waiting == 3
        stuck.released.set()
        for connection in writing:
            assert status_of(connection.recv(65536)) == 200


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\nHost: localhost\n\n",
        b"GET / HTTP/1.1\r\nHost: localhost\n",
        b"GET / HTTP/1.1\rHost: localhost\r\n",
    ],
)
def test_a_bare_line_feed_is_refused_at_once(options: Options, raw: bytes) -> None:
    with (
        serving(answering(b""), options) as server,
        connected(server.effective_port, 1) as (client,),
    ):
        client.sendall(raw)
        assert status_of(read_all(client)) == 400


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
@pytest.mark.parametrize("length", [{}, {"Content_Length": "0"}])
def test_an_answer_without_a_body_leaves_the_connection_open(
    options: Options, status: str, length: dict[str, str]
) -> None:
    with serving(answering(b"", status, ETag='"x"', **length), options) as server:
        answers = replies(server.effective_port, GET * 3)
    assert [each.status for each in answers] == [int(status[:3])] * 3
    for each in answers:
        assert {"connection", "content-length", "transfer-encoding"}.isdisjoint(each.headers)


def test_more_connections_than_select_can_look_at(options: Options) -> None:
    application = answering(b"ok", Content_Length="2")
    with (
        serving(application, options, connections=1200) as server,
        connected(server.effective_port, 600),
    ):
        wait_for("all", lambda: len(server.channels) == 600, timeout=20)
        (reply,) = replies(server.effective_port, CLOSING)
        assert reply.status == 200
        assert max(channel.socket.fileno() for channel in server.channels) > 1023


# -- the end


def test_accepted_requests_are_answered_after_health_turns(options: Options, stuck: Stuck) -> None:
    health = healthy()
    with (
        serving(stuck, options, health, threads=2, drain_delay=0.5) as server,
        connected(server.effective_port, 6) as waiting,
    ):
        for connection in waiting:
            connection.sendall(STUCK % b"GET")
        wait_for("the threads", lambda: stuck.waiting == 2, timeout=10)
        server.drain()
        assert health.fault() == "the service is being stopped"
        (reply,) = replies(server.effective_port, GET)
        assert reply.headers["connection"] == "close"
        stuck.released.set()
        answers = [read_all(connection) for connection in waiting]
    assert [status_of(answer) for answer in answers] == [200] * 6
    assert all(b"\r\nConnection: close\r\n" in answer for answer in answers)


def test_the_end_does_not_wait_for_idle_connections(options: Options) -> None:
    with serving(answering(b""), options) as server, connected(server.effective_port, 3):
        wait_for("all", lambda: len(server.channels) == 3, timeout=10)
