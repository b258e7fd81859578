"""nginx and HAProxy in front, with TLS and a path, as docs/operations.rst configures them."""

import json
import re
import ssl
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPSConnection
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urljoin
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.attacks.conftest import installation
from tests.attacks.service import served
from tests.conftest import Sqlite
from tests.peers.haproxy import Haproxy
from tests.peers.nginx import Nginx
from tests.peers.wrk import load
from tests.postgresql import free_port

PAGE = (Path(__file__).parents[2] / "docs" / "operations.rst").read_text()
PREFIX = "/openstats"
JSON = {"Content-Type": "application/json"}


def documented(marker: str) -> str:
    """Return the literal block of the page that has these words."""
    blocks = re.findall(r"::\n\n((?:(?: {4}.*)?\n)+)", PAGE)
    (block,) = [each for each in blocks if marker in each]
    return textwrap.dedent(block)


def changed(text: str, changes: Mapping[str, str]) -> str:
    """Return a configuration with this machine's ports and files in it."""
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after)
    return text


class Certificate(NamedTuple):
    """Files: the certificate, its key, and both in one."""

    public: Path
    key: Path
    both: Path


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Make a certificate of loopback that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    public = signed.public_bytes(pem)
    form = serialization.PrivateFormat.PKCS8
    private = key.private_bytes(pem, form, serialization.NoEncryption())
    home = tmp_path_factory.mktemp("certificate")
    files = Certificate(home / "openstats.pem", home / "openstats.key", home / "both.pem")
    for path, content in zip(files, (public, private, public + private), strict=True):
        path.write_bytes(content)
    return files


class Reply(NamedTuple):
    """An answer: status, headers, and the document in it."""

    status: int
    headers: Mapping[str, str]
    document: Any


@dataclass(frozen=True)
class Front:
    """openstats behind a proxy that speaks TLS; ``own_port`` and ``log`` are the service's own."""

    port: int
    own_port: int
    certificate: Path
    log: Path

    @property
    def urls(self) -> tuple[str, str]:
        """Where clients find it, and where the proxy does."""
        return f"https://localhost:{self.port}{PREFIX}", f"http://127.0.0.1:{self.own_port}"

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Ask for a path as a client sees it."""
        context = ssl.create_default_context(cafile=self.certificate)
        connection = HTTPSConnection("localhost", self.port, timeout=20, context=context)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = None if body is None else json.dumps(body)
        try:
            connection.request(method, path, sent, (JSON if sent else {}) | named)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        is_json = answer.headers["Content-Type"] == "application/json"
        return Reply(answer.status, answer.headers, json.loads(content) if is_json else content)


def nginx(home: Path, certificate: Certificate, port: int, upstream: int) -> Nginx:
    """Configure nginx."""
    changes = {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/ssl/openstats.pem": str(certificate.public),
        "/etc/ssl/openstats.key": str(certificate.key),
        "127.0.0.1:8779": f"127.0.0.1:{upstream}",
    }
    return Nginx(home, servers=changed(documented("location /openstats/ {"), changes))


def haproxy(home: Path, certificate: Certificate, port: int, upstream: int) -> Haproxy:
    """Configure HAProxy."""
    changes = {
        "bind :443": f"bind 127.0.0.1:{port}",
        "/etc/haproxy/openstats.pem": str(certificate.both),
        "127.0.0.1:8779": f"127.0.0.1:{upstream}",
    }
    return Haproxy(home, changed(documented("backend openstats"), changes))


@pytest.fixture(scope="module", params=[nginx, haproxy], ids=["nginx", "haproxy"])
def front(
    request: pytest.FixtureRequest,
    sqlite: Sqlite,
    certificate: Certificate,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Front]:
    """Serve behind each proxy."""
    home = tmp_path_factory.mktemp("front")
    with behind(request.param, home, sqlite, certificate) as front:
        yield front


Making = Callable[[Path, Certificate, int, int], AbstractContextManager[Any]]


@contextmanager
def behind(make: Making, home: Path, sqlite: Sqlite, certificate: Certificate) -> Iterator[Front]:
    made = installation(home, sqlite)
    (group,) = re.findall(r"\[(\w+)\]", documented("enable_proxy_headers_parsing"))
    made.configure(group, enable_proxy_headers_parsing="true")
    made.configure("api", request_timeout=30)
    port = free_port()
    with served(made) as service, make(home / "proxy", certificate, port, service.port):
        yield Front(port, service.port, certificate.public, home / "openstats.log")


def created(front: Front, **headers: str) -> Reply:
    """Make a customer."""
    reply = front.ask("POST", f"{PREFIX}/api/customers/", {"name": uuid4().hex}, **headers)
    assert reply.status == 201
    return reply


FORGED = {
    "Forwarded": "for=1.2.3.4;host=evil.example;proto=http",
    "X_Forwarded_Prefix": "/evil",
    "X_Forwarded_Host": "evil.example",
    "X_Forwarded_For": "1.2.3.4",
    "X_Forwarded_Proto": "http",
}


@pytest.mark.parametrize("headers", [{}, FORGED], ids=["honest", "forged"])
def test_links_in_answers_resolve_behind_the_proxy(front: Front, headers: dict[str, str]) -> None:
    made = [created(front, **headers) for _ in range(2)]
    places = [reply.headers["Location"] for reply in made]
    listed = front.ask("GET", f"{PREFIX}/api/customers/?limit=1", **headers)
    places += [link["href"] for link in listed.document["links"]]
    each = front.ask("GET", f"{PREFIX}/api/stats/customer/?limit=1", **headers)
    (link,) = re.findall("<([^>]+)>", each.headers["Link"])
    places.append(urljoin(f"{PREFIX}/api/stats/customer/", link))
    places += [link["href"] for link in front.ask("GET", f"{PREFIX}/", **headers).document["links"]]
    assert len(places) == 6
    for place in places:
        assert place.startswith(f"{PREFIX}/")
        assert front.ask("GET", place, **headers).status == 200


@pytest.mark.parametrize("page", ["/docs", "/docs/"])
def test_the_page_finds_what_it_needs(front: Front, page: str) -> None:
    found = front.ask("GET", f"{PREFIX}{page}").document.decode()
    places = re.findall(r'(?:src|href)="([^"]+)"', found)
    assert places
    for place in places:
        assert front.ask("GET", urljoin(f"{PREFIX}{page}", place)).status == 200


def test_ids_of_requests_go_both_ways(front: Front) -> None:
    own = f"req-{uuid4()}"
    reply = front.ask("GET", f"{PREFIX}/api/customers/", X_Openstack_Request_Id=own)
    line = next(line for line in front.log.read_text().splitlines() if own in line)
    assert reply.headers["X-Openstack-Request-Id"] in line


def test_pipelined_load_causes_no_failures(front: Front, tmp_path: Path) -> None:
    for url in front.urls:
        made, failed = load(tmp_path, f"{url}/api/stats/quota/", 1)
        assert made > 0
        assert failed == 0
