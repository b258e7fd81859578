"""The edge, between python-requests (as openstats has it) and a small real server."""

import http.server
import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.edge import (
    Delay,
    Edge,
    Garbage,
    Hang,
    Refuse,
    Reset,
    Rewrite,
    Status,
    Truncate,
)

BODY = b'{"catalog": "http://real.example/"}'


class Origin(http.server.BaseHTTPRequestHandler):
    """Answers GET with BODY, POST with what it got, and counts its connections."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_GET(self) -> None:
        self._say(BODY, "closing" in self.path)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self._say(self.rfile.read(length) + self.headers["X-Mine"].encode())

    def _say(self, body: bytes, close: bool = False) -> None:
        self.server.asked += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Theirs", "kept")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        # Without having said so: what an idle keep-alive that ends looks like.
        self.close_connection = close

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def origin() -> Iterator[http.server.ThreadingHTTPServer]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Origin)
    server.connections = server.asked = 0
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def client(edge: Edge) -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


def get(client: requests.Session, origin: http.server.HTTPServer, path: str = "/a") -> bytes:
    return client.get(origin.url + path, timeout=5).content


def test_it_forwards_and_records(edge, client, origin) -> None:
    answer = client.get(f"{origin.url}/a?b=c", timeout=5)
    assert (answer.status_code, answer.content) == (200, BODY)
    assert answer.headers["X-Theirs"] == "kept"
    assert client.post(origin.url, b"sent ", headers={"X-Mine": "too"}).content == b"sent too"
    assert [(seen.method, seen.url, seen.status) for seen in edge.requests] == [
        ("GET", f"{origin.url}/a?b=c", 200),
        ("POST", f"{origin.url}/", 200),
    ]
    assert edge.count(lambda seen: seen.method == "POST" and 0 < seen.seconds < 5) == 1
    edge.clear()
    assert edge.count() == 0


def test_head_keeps_the_length_and_the_connection(client, origin) -> None:
    answer = client.head(origin.url, timeout=5)
    assert (answer.headers["Content-Length"], answer.content) == (str(len(BODY)), b"")
    assert get(client, origin) == BODY


def test_both_sides_are_kept_alive(client, origin) -> None:
    assert {get(client, origin) for _ in range(50)} == {BODY}
    assert (origin.connections, origin.asked) == (1, 50)


def test_a_connection_that_the_server_ended_is_replaced(client, origin) -> None:
    assert {get(client, origin, "/closing") for _ in range(3)} == {BODY}
    assert origin.connections == 3


def test_many_clients_at_once(edge, origin) -> None:
    def ask(_: int) -> bytes:
        with requests.Session() as session:
            return b"".join(get(session, origin) for _ in range(5))

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(16))) == {BODY * 5}
    assert edge.count() == 80


def test_an_unreachable_server_is_a_bad_gateway(client) -> None:
    # Port 9 (discard) is below what is ever given out as a free one.
    assert client.get("http://127.0.0.1:9/", timeout=5).status_code == 502


def test_only_absolute_http_urls(edge) -> None:
    direct = requests.Session()
    direct.trust_env = False
    assert direct.get(f"{edge.url}/a", timeout=5).status_code == 501


@pytest.mark.parametrize("action", [Refuse(), Reset(), Reset(after=3), Truncate(10)])
def test_broken_answers_reach_the_client_as_errors(edge, client, origin, action) -> None:
    edge.rule("GET .*/a$", action, times=1)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        get(client, origin)
    assert get(client, origin) == BODY
    asks = isinstance(action, Truncate) or getattr(action, "after", None) is not None
    assert origin.asked == 1 + asks
    assert [seen.status for seen in edge.requests] == [200 if asks else None, 200]


def test_a_reset_is_an_rst(edge, client, origin) -> None:
    edge.rule(".", Reset())
    with pytest.raises(requests.ConnectionError) as caught:
        get(client, origin)
    assert "ConnectionResetError" in repr(caught.value)


def test_truncated_bodies_keep_their_announced_length(edge, client, origin) -> None:
    edge.rule(".", Truncate(10))
    answer = client.get(origin.url, stream=True, timeout=5)
    assert answer.headers["Content-Length"] == str(len(BODY))
    assert answer.raw.read(10) == BODY[:10]


def test_refuse_stops_listening_until_accept(edge, client, origin) -> None:
    get(client, origin)
    edge.refuse()
    with pytest.raises(requests.exceptions.ProxyError) as caught:
        get(client, origin)
    assert "refused" in str(caught.value)
    edge.accept()
    assert get(client, origin) == BODY


def test_status_garbage_and_rewrite(edge, client, origin) -> None:
    with edge.during("/limited", Status(429, {"Retry-After": "7"}, b"slow down")):
        answer = client.get(f"{origin.url}/limited", timeout=5)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    with edge.during("/bad", Garbage()), pytest.raises(json.JSONDecodeError):
        client.get(f"{origin.url}/bad", timeout=5).json()
    assert origin.asked == 0
    with edge.during(".", Rewrite(lambda body: body.replace(b"real.example", b"x"))):
        assert client.get(origin.url, timeout=5).json() == {"catalog": "http://x/"}
    assert get(client, origin) == BODY


def test_a_hanging_request_answers_when_released(edge, client, origin) -> None:
    hang = Hang()
    edge.rule("/slow", hang)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(get, client, origin, "/slow")
        assert hang.reached.wait(5)
        assert (edge.count(), origin.asked, waiting.done()) == (0, 0, False)
        hang.release()
        assert waiting.result(5) == BODY


def test_a_hanging_request_runs_into_the_clients_timeout(edge, client, origin) -> None:
    edge.rule("/slow", Hang(), times=1)
    with pytest.raises(requests.exceptions.ReadTimeout):
        client.get(f"{origin.url}/slow", timeout=0.1)
    assert get(client, origin, "/slow") == BODY


def test_a_delay_is_recorded(edge, client, origin) -> None:
    edge.rule(".", Delay(0.1))
    assert get(client, origin) == BODY
    assert edge.wait(1, lambda seen: seen.seconds >= 0.1, timeout=0)


def test_rules_match_by_callable_or_regex_and_the_newest_wins(edge, client, origin) -> None:
    general = edge.rule(re.compile("^GET "), Status(500))
    special = edge.rule(lambda _, url: url.endswith("/b"), Status(503), times=2)
    answers = [client.get(origin.url + path).status_code for path in ("/a", "/b", "/b", "/b")]
    assert answers == [500, 503, 503, 500]
    assert (general.hits, special.hits) == (2, 2)
    edge.remove(general)
    assert get(client, origin, "/b") == BODY


def test_waiting_for_requests_ends_when_they_have_passed(edge, client, origin) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(edge.wait, 2)
        get(client, origin)
        get(client, origin)
        assert waiting.result(5)
    assert not edge.wait(3, timeout=0)
