"""Commands that ask a server: where a token goes, and which sentence says what is wrong."""

import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.cli.installation import Installation
from tests.cli.processes.serving import WITHOUT_FIGURES, ready


class Recorder(BaseHTTPRequestHandler):
    """A server that keeps what it was sent, and answers as it was told."""

    answer: tuple[int, dict[str, str], bytes] = (200, {}, b"")
    seen: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers["X-Auth-Token"]))
        status, headers, body = self.answer
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def recorder(
    *answer: Any, tls: ssl.SSLContext | None = None
) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    seen: list[tuple[str, str | None]] = []
    handler = type("Handler", (Recorder,), {"answer": answer, "seen": seen})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}", seen
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("by", ["flag", "variable"])
def test_the_token_goes_to_the_server_that_is_named(
    bare: Installation, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    with recorder(200, {}, b'{"customers": []}') as (url, seen):
        words = ["customer", "list"]
        if by == "flag":
            words = ["--url", f"{url}/", "--token", "secret", *words]
        else:
            monkeypatch.setenv("OPENSTATS_URL", url)
            monkeypatch.setenv("OPENSTATS_TOKEN", "secret")
        assert bare.run(*words).status == 0
    assert seen == [("/api/customers/?limit=1000", "secret")]


def test_no_token_follows_a_redirect(bare: Installation) -> None:
    with (
        recorder(200, {}, b'{"customers": []}') as (elsewhere, there),
        recorder(302, {"Location": f"{elsewhere}/api/customers/"}, b"") as (url, _),
    ):
        said = bare.sentence("--url", url, "--token", "secret", "customer", "list")
    assert "the server answered 302" in said
    assert there == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:1", "http://127.0.0.1:1 does not answer: "),
        ("file:///etc/passwd", "must begin with http:// or https://"),
        ("localhost:8779", "must begin with http:// or https://"),
        ("http://[::1", "http://[::1 does not answer: "),
        ("http://a b", "http://a b does not answer: "),
        ("http://" + "a" * 70, "does not answer: "),
        ("http://127.0.0.1:x", "http://127.0.0.1:x does not answer: "),
    ],
)
def test_an_unreachable_server_is_reported_with_its_url(
    bare: Installation, url: str, said: str
) -> None:
    assert said in bare.sentence("--url", url, "customer", "list")


COMMANDS = {
    "a list": ("customer", "list"),
    "an entry by its name": ("customer", "show", "Acme"),
    "a statistic": ("stats", "quota"),
}
NO_OPENSTATS = {
    "a page": (200, {}, b"<html>"),
    "nothing": (200, {}, b""),
    "another document": (200, {}, b'{"versions": []}'),
    "a list": (200, {}, b"[]"),
    "a page of a proxy": (503, {}, b"<html>"),
    "another's error": (404, {}, b'{"error": {"code": 404}}'),
    "an odd error": (400, {}, b'{"errors": "x"}'),
}


@pytest.mark.parametrize("answer", NO_OPENSTATS.values(), ids=NO_OPENSTATS)
@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_foreign_server_is_recognised(
    bare: Installation, words: tuple[str, ...], answer: Any
) -> None:
    with recorder(*answer) as (url, _):
        said = bare.sentence("--url", url, *words)
    told = f"the server answered {answer[0]}, but not as openstats does: --url"
    assert said.startswith(told)


def errors(status: int, detail: str) -> tuple[int, dict[str, str], bytes]:
    """Return an answer as openstats refuses something."""
    document = {"errors": [{"status": status, "code": "x", "title": "x", "detail": detail}]}
    return status, {}, json.dumps(document).encode()


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize("status", [400, 403, 404, 409, 503])
def test_refusal_of_the_server_is_printed(
    bare: Installation, words: tuple[str, ...], status: int
) -> None:
    with recorder(*errors(status, "it is so")) as (url, _):
        assert bare.sentence("--url", url, *words) == "it is so"


@pytest.mark.parametrize("token", [(), ("--token", "old")])
def test_missing_token_is_explained(bare: Installation, token: tuple[str, ...]) -> None:
    with recorder(*errors(401, "a valid token is needed")) as (url, _):
        said = bare.sentence("--url", url, *token, "customer", "list")
    assert said.startswith("a valid token is needed; set OPENSTATS_TOKEN or --token to")


def test_answers_of_a_server_are_printed_escaped(bare: Installation) -> None:
    with recorder(*errors(400, "\x1b[31mred\u202e")) as (url, _):
        assert bare.sentence("--url", url, "customer", "list").isprintable()


@pytest.mark.parametrize("token", ["secret\n", "s\u00e9cret", "sec\r\nX: y"])
def test_an_invalid_token_is_not_printed(bare: Installation, token: str) -> None:
    said = bare.sentence("--url", "http://127.0.0.1:1", "--token", token, "customer", "list")
    assert said == "--token: must be printable ASCII"


def test_a_server_that_does_not_speak_http(bare: Installation) -> None:
    class Silent(BaseHTTPRequestHandler):
        def handle(self) -> None:
            self.request.sendall(b"220 mail.example ESMTP\r\n")

    with ThreadingHTTPServer(("127.0.0.1", 0), Silent) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        assert bare.sentence("--url", url, "customer", "list").startswith(f"{url} does not answer")
        thread.join()


def test_an_untrusted_certificate_is_explained(bare: Installation, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["-subj", "/CN=localhost", "-keyout", str(key), "-out", str(certificate)]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *made]
    subprocess.run(command, check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    with recorder(200, {}, b'{"customers": []}', tls=tls) as (url, seen):
        said = bare.sentence("--url", url, "--token", "secret", "customer", "list")
    assert said.startswith(f"{url} does not answer: its certificate is not trusted")
    assert "SSL_CERT_FILE" in said
    assert seen == []


def test_a_server_without_tls_is_explained(bare: Installation) -> None:
    with recorder(200, {}, b"{}") as (url, _):
        said = bare.sentence("--url", url.replace("http", "https"), "customer", "list")
    assert "it does not use TLS" in said


def test_a_url_with_a_path_too_many_is_explained(installed: Installation) -> None:
    installed.configure("api", collect="false")
    with installed.started("serve", "--port", "0") as process:
        url = ready(process, WITHOUT_FIGURES)
        said = installed.sentence("--url", f"{url}/api", "stats", "quota")
    assert said.startswith("the server has no URL GET /api/api/stats/quota/: --url")
    assert said.endswith("without /api")
