"""No way in: for other sites' pages without authentication, and around the token with it."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any, NamedTuple

import pytest
from webtest import TestApp

from openstats.api.routes import RESOURCES, ROOTS, STATISTICS
from openstats.http import receiver_urls
from openstats.http.body import MAX_BYTES
from openstats.storage.store import Store
from tests.api.door import Door
from tests.api.listening import listening, replies
from tests.api.receiving import TOKEN
from tests.api.world import UNKNOWN, fill
from tests.conftest import Sqlite
from tests.double import Double

HOST = "localhost:8779"
OWN = {"Host": HOST, "Origin": f"http://{HOST}", "Content-Type": "application/json"}


class Order(NamedTuple):
    """A request that changes something, if it is not refused."""

    method: str
    url: str
    body: dict[str, Any] | None = None


def orders(api: TestApp) -> list[Order]:
    """Give a request for each URL and method that writes, in an order in which all can be done."""
    acme = api.get("/api/customers/?name=acme").json["customers"][0]["uuid"]
    scope = {"customer": acme}
    new = {
        "customers": {"name": "spare"},
        "project-groups": {"name": "spare", "customer": acme},
        "projects": {"name": "spare", "customer": acme},
        "alerts": {"severity": "Error", "alert_type": "spare", "message": "", "scope": scope},
        "grants": {"subject": "s", "role": "owner", "scope": scope},
        "clouds": {"name": "spare"},
    }
    # Of one entry there is but one cloud.
    further = new | {"clouds": {"name": "further"}}
    found = []
    for resource in (each for each in RESOURCES if each.bodies):
        if resource.name in new:
            place = api.post_json(resource.url, new[resource.name]).headers["Location"]
            found.append(Order("POST", resource.url, further[resource.name]))
        else:
            place = f"{resource.url}{api.get(resource.url).json[resource.key][0]['uuid']}/"
        whole = new.get(resource.name, {"project": None})
        for method in resource.methods[resource.entry_url][2:]:
            found.append(Order(method, place, None if method == "DELETE" else whole))
        found += [Order("POST", f"{place}{action}/") for action in resource.actions]
    return found


def sent(api: TestApp, order: Order, **headers: str) -> int:
    told = OWN | {name.replace("_", "-"): value for name, value in headers.items()}
    body = b"" if order.body is None else json.dumps(order.body).encode()
    answer = api.request(
        order.url,
        method=order.method,
        body=body,
        headers={name: value for name, value in told.items() if value is not None},
        status="*",
    )
    code: int = answer.status_int
    return code


@pytest.fixture
def full(
    sqlite: Sqlite,
    app_on: Callable[[Store], Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[TestApp]:
    names = ("spare", "further")
    entries = {name: {"auth": {"auth_url": f"https://{name}.example/v3"}} for name in names}
    (tmp_path / "clouds.yaml").write_text(json.dumps({"clouds": entries}))
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
    with sqlite.store() as store:
        with store.transaction() as db:
            fill(db)
        yield TestApp(app_on(store))


def held(api: TestApp) -> dict[str, Any]:
    """Give all that the registry holds; whatever writes leaves an entry in the audit too."""
    return {each.name: api.get(each.url).json for each in RESOURCES}


def test_a_page_of_our_own_may_do_all_that_is_tried_here(full: TestApp) -> None:
    found = orders(full)
    ways = (len(each.bodies) + each.writer.deletes + len(each.actions) for each in RESOURCES)
    assert len(found) == sum(ways)
    for order in found:
        assert sent(full, order) in (200, 201, 204), order


ATTACKS: dict[str, tuple[dict[str, Any], int]] = {
    "a name that resolves to us now": ({"Host": "evil.example:8779"}, 403),
    "and is the page's own": ({"Host": "evil.example", "Origin": "http://evil.example"}, 403),
    "another site": ({"Origin": "https://evil.example"}, 403),
    "a name like ours": ({"Origin": f"http://{HOST}.evil.example"}, 403),
    "another port of ours": ({"Origin": "http://localhost:1"}, 403),
    "another name of ours": ({"Origin": "http://127.0.0.1:8779"}, 403),
    "a file, or a frame in a sandbox": ({"Origin": "null"}, 403),
    "nothing": ({"Origin": ""}, 403),
    "our name without a scheme": ({"Origin": HOST}, 403),
    "several": ({"Origin": f"http://{HOST} https://evil.example"}, 403),
    "through a proxy": ({"X-Forwarded-For": "127.0.0.1"}, 403),
}


@pytest.mark.parametrize(("headers", "status"), ATTACKS.values(), ids=ATTACKS)
def test_no_other_sites_page_writes(full: TestApp, headers: dict[str, str], status: int) -> None:
    found = orders(full)
    before = held(full)
    assert {sent(full, order, **headers) for order in found} == {status}
    assert held(full) == before


FORMS = ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", ""]


@pytest.mark.parametrize("kind", [*FORMS, "text/plain; application/json", "text/json"])
@pytest.mark.parametrize("origin", [OWN["Origin"], None])
def test_form_bodies_are_not_read(full: TestApp, kind: str, origin: str | None) -> None:
    """Browsers too old for Origin ask nobody before they send these, and only these."""
    found = [order for order in orders(full) if order.body is not None]
    before = held(full)
    told: Any = {"Content-Type": kind, "Origin": origin}
    assert {sent(full, order, **told) for order in found} == {415}
    assert held(full) == before


@pytest.mark.parametrize("kind", FORMS[:-1])
def test_form_posts_do_not_act_on_alerts(full: TestApp, kind: str) -> None:
    found = [order for order in orders(full) if order.url.count("/") > 4 and order.method == "POST"]
    before = held(full)
    told: Any = {"Content-Type": kind, "Origin": None}
    assert {sent(full, order, **told) for order in found} == {415}
    assert held(full) == before


def test_requests_without_an_origin_are_answered(full: TestApp) -> None:
    nobody: Any = {"Origin": None}
    assert all(sent(full, order, **nobody) < 300 for order in orders(full))


@pytest.mark.parametrize("override", ["DELETE", "PUT", "PATCH"])
def test_headers_do_not_override_the_method(full: TestApp, override: str) -> None:
    before = held(full)
    place = f"/api/customers/{before['customers']['customers'][0]['uuid']}/"
    for method, url in (("GET", place), ("GET", f"{place[:-1]}"), ("POST", place)):
        for header in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
            told: Any = {header: override}
            sent(full, Order(method, url, {"name": "x"}), **told)
    assert held(full) == before


# -- bodies that are too large


@pytest.fixture(scope="module")
def port(filled_app: TestApp, options: Callable[..., Any]) -> Iterator[int]:
    with listening(filled_app.app, options) as port:
        yield port


def head(order: Order, *headers: str) -> bytes:
    lines = (f"{order.method} {order.url} HTTP/1.1", "Host: localhost", *headers)
    return "\r\n".join((*lines, "Content-Type: application/json", "", "")).encode()


WRITING = [
    Order(method, each.url if method == "POST" else f"{each.url}{UNKNOWN}/")
    for each in RESOURCES
    for method in each.bodies
]


@pytest.mark.parametrize("order", WRITING, ids=str)
def test_a_body_that_is_too_large_is_not_waited_for(port: int, order: Order) -> None:
    for length in (2 * MAX_BYTES, 2**31, 2**64, 10**100):
        (reply,) = replies(port, head(order, f"Content-Length: {length}"))
        assert reply.status == json.loads(reply.body)["errors"][0]["status"] == 413
    length = MAX_BYTES + 1
    (reply,) = replies(port, head(order, f"Content-Length: {length}") + b" " * length)
    assert reply.status == 413


def endless(port: int, order: Order, *headers: str, most: int) -> int:
    """Send a body in chunks until the connection is closed, and say how much was taken."""
    piece, sent = b"10000\r\n" + b" " * 2**16 + b"\r\n", 0
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(head(order, *headers))
        with suppress(ConnectionError):
            while sent < most:
                connection.sendall(piece)
                sent += len(piece)
    return sent


def test_a_body_without_end_is_not_read_to_it(port: int) -> None:
    most = 64 * MAX_BYTES
    assert endless(port, WRITING[0], "Transfer-Encoding: chunked", most=most) < most


def test_a_body_in_chunks_that_is_a_little_too_large(port: int) -> None:
    whole = b"%X\r\n" % (MAX_BYTES + 1) + b" " * (MAX_BYTES + 1) + b"\r\n0\r\n\r\n"
    raw = head(WRITING[0], "Transfer-Encoding: chunked") + whole
    (reply,) = replies(port, raw)
    assert reply.status == 413


RECEIVER = Order("POST", f"{receiver_urls.RECEIVERS}prometheus/")
ENOUGH = b'{"alerts": [], "x": "%s"}'


def test_a_receiver_takes_more_than_others(port: int) -> None:
    body = ENOUGH % (b"x" * 2**22)
    headers = f"Content-Length: {len(body)}", f"Authorization: Bearer {TOKEN}", "Connection: close"
    (reply,) = replies(port, head(RECEIVER, *headers) + body)
    assert reply.status == 204
    whole = b"%X\r\n" % len(body) + body + b"\r\n0\r\n\r\n"
    (reply,) = replies(port, head(RECEIVER, "Transfer-Encoding: chunked", *headers[1:]) + whole)
    assert reply.status == 204
    for other in (
        *WRITING,
        Order("POST", "/api/alerts/receivers"),
        Order("POST", receiver_urls.RECEIVERS[1:]),
    ):
        (reply,) = replies(port, head(other, *headers) + body)
        assert reply.status in (400, 413), other


def test_oversized_notification_is_refused_unread(port: int) -> None:
    token = f"Authorization: Bearer {TOKEN}"
    for length in (2 * receiver_urls.MAX_BYTES + 1, 2**26, 2**64):
        (reply,) = replies(port, head(RECEIVER, f"Content-Length: {length}", token))
        assert reply.status == json.loads(reply.body)["errors"][0]["status"] == 413
    body = ENOUGH % (b"x" * receiver_urls.MAX_BYTES)
    (reply,) = replies(port, head(RECEIVER, f"Content-Length: {len(body)}", token) + body)
    assert reply.status == 413


def memory() -> int:
    """Give the most bytes of memory that this process ever had."""
    return getrusage(RUSAGE_SELF).ru_maxrss * 1024


def test_endless_notification_is_not_kept(port: int) -> None:
    before = memory()
    sent = endless(port, RECEIVER, "Transfer-Encoding: chunked", most=2**26)
    assert sent < 2**26
    assert memory() - before < receiver_urls.MAX_BYTES


# -- around the token

FORGED = {
    "X-Identity-Status": "Confirmed",
    "X-Roles": "admin",
    "X-User-Id": "me",
    "X-Project-Name": "admin",
    "OpenStack-System-Scope": "all",
    "X-Service-Identity-Status": "Confirmed",
}
READING = [f"{root}/{each.name}/" for root in ROOTS for each in STATISTICS]
READING += [f"/api/{each.name}/" for each in RESOURCES]


def around(path: str) -> list[str]:
    """Spell a path in ways that may not look protected, and still be routed."""
    first, rest = path[1], path[2:]
    return [
        path,
        path[:-1],
        f"/{path}",
        f"//evil.example{path}",
        f"/%{ord(first):02x}{rest}",
        f"/{first.upper()}{rest}",
        path[1:],
        f"/.{path}",
        f"/healthcheck/..{path}",
        f"/%2e{path}",
        f"/{path[1:].replace('/', '%2f')}",
        f"{path}?x",
        f"{path};x",
        f"/healthcheck%00{path}",
        f"\\{path}",
        f"http:{path}",
        f"http://localhost{path}",
        f"/healthcheck#{path}",
    ]


@pytest.fixture(scope="module")
def guarded(
    sqlite: Sqlite, options: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    """Serve behind auth_token, and give the port."""
    home = tmp_path_factory.mktemp("guarded")
    with Double() as keystone, sqlite.store() as store:
        app = Door(home, keystone, store).app().app
        with listening(app, options) as port:
            yield port


@pytest.mark.parametrize("path", READING)
def test_no_spelling_of_a_path_or_a_header_leads_around_the_token(guarded: int, path: str) -> None:
    lines = [f"{n.replace('-', mark)}: {v}" for mark in "-_" for n, v in FORGED.items()]
    lines += ["X-Identity_Status: Confirmed", "Host: localhost", "Connection: close"]
    for spelled in around(path):
        for method in ("GET", "HEAD", "POST"):
            raw = "\r\n".join((f"{method} {spelled} HTTP/1.1", *lines, "", "")).encode()
            (reply,) = replies(guarded, raw)
            # The path is /healthcheck here, as in the application.
            public = spelled.startswith("/healthcheck#") and method != "POST"
            assert reply.status in ((200,) if public else (400, 401, 404, 405)), spelled
