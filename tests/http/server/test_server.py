"""The server over real sockets: what never reaches the application is documented too."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import pytest
from webtest import TestApp

from tests.api.listening import Reply, listening, replies

ERROR = {"status", "code", "title", "detail", "request_id"}


@pytest.fixture(scope="module")
def port(filled_app: TestApp, options: Callable[..., Any]) -> Iterator[int]:
    with listening(filled_app.app, options) as port:
        yield port


def spoken(port: int, raw: bytes) -> Reply:
    """Send bytes as they are, and give the one answer."""
    (answer,) = replies(port, raw)
    return answer


def refusal(port: int, raw: bytes) -> tuple[int, str]:
    """Send bytes and give status and code of the error document, whose form is checked."""
    status, headers, body = spoken(port, raw)
    assert headers["content-type"] == "application/json"
    (error,) = json.loads(body)["errors"]
    assert set(error) == ERROR
    assert error["status"] == status
    assert error["request_id"] == headers["x-openstack-request-id"]
    return status, error["code"]


def request(target: str, *headers: str) -> bytes:
    lines = (f"GET {target} HTTP/1.1", "Host: localhost", "Connection: close", *headers)
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def test_it_answers(port: int) -> None:
    status, headers, body = spoken(port, request("/api/stats/customer/"))
    assert status == 200
    assert [entry["name"] for entry in json.loads(body)] == ["acme", "umbrella"]
    assert headers["server"] == "openstats"


@pytest.mark.parametrize("size", [300_000, 10_000_000])
def test_a_query_that_is_too_long_is_431(port: int, size: int) -> None:
    status, code = refusal(port, request(f"/api/stats/quota/?uuid={'0' * size}"))
    assert (status, code) == (431, "openstats.request.refused")


def test_a_long_query_that_is_read_is_refused_by_its_parameter(port: int) -> None:
    status, code = refusal(port, request(f"/api/stats/quota/?uuid={'0' * 200_000}"))
    assert (status, code) == (400, "openstats.parameter.invalid")


@pytest.mark.parametrize(
    ("raw", "part"),
    [
        (b"nonsense\r\n\r\n", ""),
        (b"GET\r\n\r\n", ""),
        (b"\x00\xff\x00\xff\r\n\r\n", ""),
        (b"GET / HTTP/9.9 nonsense\r\n\r\n", ""),
        (b"GET / HTTP/9.9\r\n\r\n", "1.0 or 1.1"),
        (b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", "header"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", "ontent-"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n", "ontent-"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n", ""),
    ],
)
def test_a_malformed_request_is_refused_with_the_reason(port: int, raw: bytes, part: str) -> None:
    assert refusal(port, raw) == (400, "openstats.request.refused")
    (error,) = json.loads(spoken(port, raw).body)["errors"]
    assert error["title"] == "Request refused"
    assert part in error["detail"]
    assert "Bad Request" not in error["detail"]


def test_a_body_that_is_too_large_is_413(port: int) -> None:
    raw = request("/healthcheck", "Content-Length: 99999999999")
    assert refusal(port, raw) == (413, "openstats.body.too_large")


def test_bytes_that_are_not_utf8_are_refused(port: int) -> None:
    told = refusal(port, request("/api/stats/quota/?aggregate=%FF"))
    assert told == (400, "openstats.parameter.invalid")
    told = refusal(port, request("/api/stats/quota/?aggregate=\xff"))
    assert told == (400, "openstats.request.refused")


def test_a_path_that_is_not_utf8_is_404(port: int) -> None:
    assert refusal(port, request("/api/%ff/")) == (404, "openstats.route.unknown")


def test_a_foreign_host_is_403(port: int) -> None:
    raw = b"GET /api/stats/quota/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    assert refusal(port, raw) == (403, "openstats.permission.denied")


@pytest.mark.parametrize("header", ["Forwarded: for=10.0.0.1", "X-Forwarded-For: 10.0.0.1"])
def test_forwarded_requests(port: int, header: str) -> None:
    raw = request("/api/stats/quota/", header)
    assert refusal(port, raw) == (403, "openstats.permission.denied")


def test_head_sends_no_body(port: int) -> None:
    raw = request("/api/stats/quota/").replace(b"GET", b"HEAD", 1)
    status, headers, body = spoken(port, raw)
    assert (status, body) == (200, b"")
    assert int(headers["content-length"]) > 0


def test_one_connection_serves_many_requests(port: int) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    found = set()
    for _ in range(20):
        connection.request("GET", "/api/stats/quota/")
        found.add(connection.getresponse().read())
    connection.close()
    assert len(found) == 1


def test_many_requests_at_once_get_the_same_answer(port: int) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: spoken(port, request("/api/stats/quota/")), range(40)))
    assert {status for status, _, _ in answers} == {200}
    assert len({body for _, _, body in answers}) == 1


def test_a_request_line_holds_a_thousand_uuids(port: int) -> None:
    uuids = "&".join(f"uuid=00000000-0000-0000-0000-{number:012}" for number in range(1000))
    status, _, body = spoken(port, request(f"/api/stats/quota/?each=true&{uuids}"))
    assert (status, json.loads(body)) == (200, [])
