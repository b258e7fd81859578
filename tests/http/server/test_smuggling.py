"""Request smuggling: what a server in front may take for one request has one answer, or none."""

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from webtest import TestApp

from tests.api.listening import Reply, listening, replies

SMUGGLED = b"GET /api/stats/customer/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
ENDED = b"0\r\n\r\n" + SMUGGLED
"""An empty body in chunks, and what comes after it: to who reads no chunks, all one body."""
QUOTA = b"/api/stats/quota/"
ZONED = b"/api/stats/creation-time/?type=project&interval=day&tz=Europe%2FBerlin"


@pytest.fixture(scope="module")
def port(filled_app: TestApp, options: Callable[..., Any]) -> Iterator[int]:
    with listening(filled_app.app, options) as port:
        yield port


def posted(*headers: bytes, body: bytes, version: bytes = b"1.1") -> bytes:
    lines = (b"POST /api/customers/ HTTP/" + version, b"Host: localhost", *headers)
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def asked(target: bytes, *headers: bytes) -> bytes:
    return b"\r\n".join((b"GET " + target + b" HTTP/1.1", *headers)) + b"\r\n\r\n"


def length(body: bytes) -> bytes:
    return b"Content-Length: %d" % len(body)


def one(port: int, raw: bytes) -> Reply:
    """Send bytes, and give the answer, after which the connection has to be closed."""
    (reply,) = replies(port, raw)
    assert reply.status == json.loads(reply.body)["errors"][0]["status"]
    return reply


def test_two_requests_have_two_answers(port: int) -> None:
    assert [reply.status for reply in replies(port, SMUGGLED + SMUGGLED)] == [200, 200]
    chunked = posted(
        b"Transfer-Encoding: Chunked", body=b"1;a=b\r\n{\r\nA\r\n0123456789\r\n" + ENDED
    )
    assert [reply.status for reply in replies(port, chunked)] == [415, 200]
    counted = posted(length(b"{}"), body=b"{}" + SMUGGLED)
    assert [reply.status for reply in replies(port, counted)] == [415, 200]


LENGTHS = {
    "two": (b"Content-Length: 0", length(SMUGGLED)),
    "two, the other way": (length(SMUGGLED), b"Content-Length: 0"),
    "the same twice": (length(SMUGGLED), length(SMUGGLED)),
    "a list": (b"Content-Length: 0, %d" % len(SMUGGLED),),
    "a sign": (b"Content-Length: +0",),
    "negative": (b"Content-Length: -1",),
    "hexadecimal": (b"Content-Length: 0x0",),
    "a space": (b"Content-Length: 0 0",),
    "none": (b"Content-Length:",),
    "thousands of digits": (b"Content-Length: " + b"0" * 5000,),
    "a fraction": (b"Content-Length: 0.0",),
    "a tab inside": (b"Content-\tLength: 0",),
    "a space before the colon": (b"Content-Length : %d" % len(SMUGGLED),),
    "a bare LF": (b"X: y\n" + length(SMUGGLED),),
    "a bare CR": (b"X: y\r" + length(SMUGGLED),),
    "a NUL": (b"X: y\0" + length(SMUGGLED),),
}


@pytest.mark.parametrize("headers", LENGTHS.values(), ids=LENGTHS)
def test_lengths_that_may_be_read_in_two_ways(port: int, headers: tuple[bytes, ...]) -> None:
    assert one(port, posted(*headers, body=SMUGGLED)).status == 400


CODINGS = {
    "chunked": (b"Transfer-Encoding: chunked", 400),
    "twice": (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400),
    "twice in a list": (b"Transfer-Encoding: chunked, chunked", 400),
    "a comma": (b"Transfer-Encoding: chunked,", 400),
    "a comma before": (b"Transfer-Encoding: ,chunked", 400),
    "none": (b"Transfer-Encoding:", 400),
    "a quoted one": (b'Transfer-Encoding: "chunked"', 501),
    # RFC 9112, 6.1: 501 for a coding that is not understood.
    "another": (b"Transfer-Encoding: xchunked", 501),
    "another before": (b"Transfer-Encoding: gzip, chunked", 501),
    "another after": (b"Transfer-Encoding: chunked, identity", 501),
    "a parameter": (b"Transfer-Encoding: chunked;q=1", 501),
    "Latin-1 space": (b"Transfer-Encoding: chunked\xa0", 501),
    "folded": (b"Transfer-Encoding:\r\n chunked", 400),
    "folded with a tab": (b"Transfer-Encoding:\r\n\tchunked", 400),
    "a space before the colon": (b"Transfer-Encoding : chunked", 400),
    "a vertical tab": (b"Transfer-Encoding: \x0bchunked", 400),
    "a NUL": (b"Transfer-Encoding: \0chunked", 400),
    "a bare LF before": (b"X: y\nTransfer-Encoding: chunked", 400),
    "a bare CR before": (b"X: y\rTransfer-Encoding: chunked", 400),
    "a bare LF after": (b"Transfer-Encoding: chunked\n", 400),
}


@pytest.mark.parametrize(("header", "status"), CODINGS.values(), ids=CODINGS)
@pytest.mark.parametrize("where", ["before", "after", "alone"])
def test_a_coding_beside_a_length(port: int, header: bytes, status: int, where: str) -> None:
    own = {"before": [header, length(ENDED)], "after": [length(ENDED), header], "alone": [header]}
    if where == "alone" and header == CODINGS["chunked"][0]:
        status = 415
        raw = posted(*own[where], b"Connection: close", body=ENDED)
    else:
        raw = posted(*own[where], body=ENDED)
    assert one(port, raw).status == status


@pytest.mark.parametrize("header", [b"Transfer_Encoding: chunked", b"Content_Length: 0"])
def test_a_name_with_an_underscore_is_another_one(port: int, header: bytes) -> None:
    raw = posted(header, length(ENDED), b"Connection: close", body=ENDED)
    assert one(port, raw).status == 415


def test_chunks_are_of_http_1_1(port: int) -> None:
    headers = (b"Connection: keep-alive", b"Transfer-Encoding: chunked")
    for more in ((), (length(ENDED),)):
        assert one(port, posted(*headers, *more, body=ENDED, version=b"1.0")).status == 400


@pytest.mark.parametrize("version", [b"0.9", b"1.2", b"2.0", b"9.9", b"1.1x", b"11", b""])
def test_other_versions(port: int, version: bytes) -> None:
    assert one(port, posted(length(ENDED), body=ENDED, version=version)).status == 400


FRAMES = {
    "a bare LF after the size": b"1\n\r\n{\r\n",
    "a bare LF alone": b"1\n{\r\n",
    "a bare LF after an extension": b"1;a\n\r\n{\r\n",
    "a bare CR in an extension": b"1;a\rb\r\n{\r\n",
    "a bare LF after the chunk": b"1\r\n{\n",
    "a longer chunk": b"1\r\n{}\r\n",
    "a sign": b"+1\r\n{\r\n",
    "negative": b"-1\r\n{\r\n",
    "0x": b"0x1\r\n{\r\n",
    "an underscore": b"0_1\r\n{\r\n",
    "a space before": b" 1\r\n{\r\n",
    "a space after": b"1 \r\n{\r\n",
    "no size": b";a=b\r\n{\r\n",
    "no digit": b"G\r\n{\r\n",
    "a bare LF at the end": b"0\n\n",
    "a bare LF in the trailer": b"0\r\nX: y\n\r\n",
    "a bare LF after the trailer": b"0\r\nX: y\r\n\n",
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_chunks_that_may_be_read_in_two_ways(port: int, frame: bytes) -> None:
    assert one(port, posted(b"Transfer-Encoding: chunked", body=frame + ENDED)).status == 400


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_chunks_that_come_piecemeal(port: int, size: int) -> None:
    body = b"3;a\r\n{ }\r\n10\r\n" + b" " * 16 + b"\r\n0\r\nX: y\r\n\r\n"
    raw = posted(b"Transfer-Encoding: chunked", b"Connection: close", body=body)
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(raw), size):
            connection.sendall(raw[at : at + size])
        assert connection.recv(65536).startswith(b"HTTP/1.1 415 ")


def test_expect_continue_is_answered_only_for_accepted_bodies(port: int) -> None:
    waiting = b"Expect: 100-continue"
    nothing = asked(QUOTA, b"Host: localhost", waiting)
    assert [reply.status for reply in replies(port, nothing + SMUGGLED)] == [200, 200]
    assert one(port, posted(waiting, b"Content-Length: 99999999999", body=b"")).status == 413
    assert one(port, posted(waiting, b"Content-Length: x", body=SMUGGLED)).status == 400
    wanted = posted(waiting, length(b"{}"), body=b"{}")
    assert [reply.status for reply in replies(port, wanted)] == [100, 415]


TARGETS = {
    "another host": (b"http://evil.example" + QUOTA, b"localhost", 400),
    "its port": (b"http://localhost:1" + QUOTA, b"localhost", 400),
    "a user": (b"http://localhost@evil.example" + QUOTA, b"localhost", 400),
    "another Host": (b"http://localhost" + QUOTA, b"evil.example", 400),
    "both": (b"http://evil.example" + QUOTA, b"evil.example", 403),
    "the same": (b"http://LOCALHOST" + QUOTA, b"localhost", 200),
    "https": (b"https://localhost" + QUOTA, b"localhost", 200),
    "slashes": (b"//evil.example" + QUOTA, b"localhost", 404),
    "no slash": (QUOTA[1:], b"localhost", 404),
    "a star": (b"*", b"localhost", 404),
    "a name and port": (b"evil.example:80", b"localhost", 404),
    "a space": (QUOTA + b" HTTP/1.1 x", b"localhost", 400),
    "a tab": (QUOTA + b"\tHTTP/1.1", b"localhost", 404),
    "CR LF, quoted": (QUOTA + b"%0d%0aX:%20y", b"localhost", 404),
    "a NUL, quoted": (b"/api/customers/%00/", b"localhost", 400),
    "an escaped slash": (QUOTA.replace(b"s/q", b"s%2fq"), b"localhost", 400),
    "an escaped slash in a time zone": (ZONED, b"localhost", 200),
    "a bracket": (b"http://[::1" + QUOTA, b"localhost", 400),
}


@pytest.mark.parametrize(("target", "host", "status"), TARGETS.values(), ids=TARGETS)
def test_targets(port: int, target: bytes, host: bytes, status: int) -> None:
    raw = asked(target, b"Host: " + host, b"Connection: close")
    (reply,) = replies(port, raw)
    assert reply.status == status
    assert b"evil" not in b"".join(v.encode() for v in reply.headers.values())


def test_no_host_and_two(port: int) -> None:
    closing = b"Connection: close"
    assert one(port, asked(QUOTA, b"Host: localhost", b"Host: evil.example", closing)).status == 403
    assert one(port, asked(QUOTA, closing)).status == 400
    assert one(port, b"GET " + QUOTA + b" HTTP/1.0\r\n\r\n").status == 403


def test_a_header_is_one_line(port: int) -> None:
    folded = asked(QUOTA, b"Host: localhost", b"X-Auth-Token: a\r\n b")
    assert one(port, folded).status == 400
