"""Receivers behind Keystone: their own token goes past auth_token, and nothing else does."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from webtest import TestApp

from openstats.storage.store import Store
from openstats.tokens import hash_token
from tests.api.door import Door, token
from tests.api.listening import listening, replies
from tests.api.receiving import (
    BEARER,
    OTHER,
    TOKEN,
    URL,
    alarm,
    listed,
    sections,
    sent,
    tell,
    webhook,
)
from tests.conftest import Sqlite
from tests.double import Double
from tests.registry import site

FORGED = {
    "X-Identity-Status": "Confirmed",
    "X-Roles": "admin",
    "X-User-Id": "me",
    "X-Project-Id": "shop",
    "OpenStack-System-Scope": "all",
}
RECEIVERS = sections(
    am={},
    aodh={"kind": "aodh", "keystone": "true", "token_hash": hash_token(OTHER)},
    open={"keystone": "true", "token_hash": "", "tenant_visible": "true"},
    east={"keystone": "true", "clouds": "beta"},
)


@pytest.fixture
def door(sqlite: Sqlite, tmp_path: Path) -> Iterator[Door]:
    """Give a door to the cloud alpha; in beta, another Keystone's, ids of tenants are the same."""
    with Double() as keystone, sqlite.store() as store:
        with store.transaction() as db:
            site(db, auth_url=keystone.auth_url).project("shop").project("blog").discover()
            site(db, "beta", auth_url="https://beta.example").project("shop").discover()
        yield Door(tmp_path, keystone, store)


@pytest.fixture
def app(door: Door) -> TestApp:
    return door.app(**RECEIVERS)


@pytest.fixture
def admin(door: Door) -> dict[str, str]:
    return door.hand(token("admin", project="admin"))


def found(app: TestApp, headers: dict[str, str]) -> list[dict[str, Any]]:
    answer: list[dict[str, Any]] = app.get("/api/alerts/", headers=headers).json["alerts"]
    return answer


def named(store: Store, scope: dict[str, str] | None) -> Any:
    """Give the cloud and the id of the tenant that a scope is."""
    if scope is None:
        return None
    with store.read() as db:
        query = "SELECT c.name, t.tenant_id FROM tenant t JOIN cloud c ON c.id = t.cloud_id"
        return tuple(db.exec_driver_sql(f"{query} WHERE t.uuid = '{scope['tenant']}'").one())


def test_a_receivers_own_token_needs_no_keystone(door: Door, app: TestApp) -> None:
    door.keystone.stop()
    tell(app, "am", webhook(sent()))
    tell(app, "am", webhook(sent()), 401, **FORGED)
    tell(app, "am", webhook(sent()), 401, Authorization=f"Bearer {OTHER}")
    assert not door.keystone.site.asked


def test_a_receivers_own_token_opens_nothing_else(door: Door, app: TestApp) -> None:
    for url in (
        URL,
        URL[:-1],
        "/api/alerts/",
        "/api/alerts",
        "/api/alerts/x/",
        "/api/customers/",
        "/api/stats/alert/",
    ):
        for headers in ({}, BEARER, FORGED, FORGED | BEARER):
            refused = app.get(url, headers=headers, status=401)
            assert refused.json["errors"][0]["code"] == "openstats.token.missing"
    for action in ("close", "acknowledge"):
        app.post(f"/api/alerts/x/{action}/", headers=BEARER | FORGED, status=401)
        # A receiver of such a name would be one.
        app.post_json(f"{URL}{action}/", webhook(), headers=BEARER, status=401)
    app.post_json("/api/alerts/", {}, headers=BEARER | FORGED, status=401)
    assert not door.keystone.site.asked


@pytest.fixture
def guarded(app: TestApp, options: Callable[..., Any]) -> Iterator[int]:
    with listening(app.app, options) as port:
        yield port


def test_no_spelling_leads_past_the_token(guarded: int) -> None:
    lines = [f"{n.replace('-', mark)}: {v}" for mark in "-_" for n, v in FORGED.items()]
    lines += [f"Authorization: Bearer {TOKEN}", "Host: localhost", "Connection: close"]
    for path in (
        URL,
        f"{URL}../",
        f"{URL}..",
        f"{URL}../../customers/",
        f"{URL}%2e%2e/%2e%2e/customers/",
        f"{URL}..%2f..%2fcustomers/",
        f"{URL}/",
        f"{URL}am/../../",
        f"{URL}%00",
        f"/{URL}",
        f"{URL}am/close/",
        f"{URL}am;x",
    ):
        for method in ("GET", "POST"):
            raw = "\r\n".join((f"{method} {path} HTTP/1.1", *lines, "", "")).encode()
            (reply,) = replies(guarded, raw)
            assert reply.status in (400, 401, 404, 405), (method, path)


def test_the_list_of_receivers_is_for_admins(door: Door, app: TestApp, admin: Any) -> None:
    assert len(app.get(URL, headers=admin).json["receivers"]) == 4
    reader = door.hand(token("reader", project="admin"))
    assert app.get(URL, headers=reader).status_int == 200
    for roles in (("service",), ("reader",), ("admin",), ()):
        app.get(URL, headers=door.hand(token(*roles)), status=403)


def test_a_keystone_token_reports_on_its_own_tenant(door: Door, app: TestApp, admin: Any) -> None:
    mine = door.hand(token("member"))
    for name, document in (
        ("aodh", alarm()),
        ("open", webhook(sent(cloud="beta"))),
        ("open", webhook(sent("g", project_id="blog", alertname="other"))),
        ("open", webhook(sent("h", project_id="shop", cloud="alpha", alertname="own"))),
    ):
        tell(app, name, document, **mine)
    scopes = {entry["alert_type"]: named(door.store, entry["scope"]) for entry in found(app, admin)}
    own = ("alpha", "shop")
    assert scopes == {"cpu_high": own, "HostDown": None, "other": None, "own": own}


def test_a_keystone_token_reports_on_no_tenant_of_another_keystone(door: Door, admin: Any) -> None:
    app = door.app(identity={"clouds": "gamma"}, **RECEIVERS)
    mine = door.hand(token("member"))
    tell(app, "aodh", alarm(), **mine)
    tell(app, "open", webhook(sent(project_id="shop", cloud="beta")), **mine)
    tell(app, "east", webhook(sent(project_id="shop")), **mine)
    assert [entry["scope"] for entry in found(app, admin)] == [None] * 3


def test_a_receivers_restriction_also_holds_for_keystone_tokens(
    door: Door, app: TestApp, admin: Any
) -> None:
    tell(app, "east", webhook(sent(project_id="shop")), **door.hand(token("member")))
    assert [entry["scope"] for entry in found(app, admin)] == [None]


def test_a_keystone_token_opens_only_receivers_that_accept_it(
    door: Door, app: TestApp, admin: Any
) -> None:
    for headers in (door.hand(token("member")), admin):
        tell(app, "am", webhook(sent()), 401, **headers)
        # The receiver's own token is good beside it, and binds to nothing.
        tell(app, "am", webhook(sent(project_id="blog")), **headers | BEARER)
    assert named(door.store, found(app, admin)[0]["scope"]) == ("alpha", "blog")


@pytest.mark.parametrize("delayed", ["true", "false"])
def test_an_invalid_keystone_token_is_refused(door: Door, delayed: str) -> None:
    app = door.app({"delay_auth_decision": delayed}, **RECEIVERS)
    old = door.hand(token("member", expires_at="2020-01-01T00:00:00.000000Z"))
    for headers in ({"X-Auth-Token": "x"}, {"X-Auth-Token": "x"} | FORGED, FORGED, old):
        for name in ("aodh", "open"):
            tell(app, name, alarm() if name == "aodh" else webhook(sent()), 401, **headers)


def test_a_token_without_a_project_is_refused(door: Door, app: TestApp) -> None:
    unscoped = {k: v for k, v in token("member").items() if k not in ("project", "is_domain")}
    domain = unscoped | {"domain": {"id": "default", "name": "Default"}}
    for content in (unscoped, domain):
        refused = tell(app, "open", webhook(sent()), 403, **door.hand(content))
        assert refused.json["errors"][0]["code"] == "openstats.permission.denied"


def test_sender_cannot_close_alerts_of_another_project(
    door: Door, app: TestApp, admin: Any
) -> None:
    mine, theirs = door.hand(token("member")), door.hand(token("member", project="blog"))
    tell(app, "aodh", alarm(), **mine)
    tell(app, "open", webhook(sent(project_id="shop")), **mine)
    for headers in (theirs, door.hand(token("admin", project="elsewhere"))):
        tell(app, "aodh", alarm("ok"), **headers)
        tell(app, "open", webhook(sent(start=600, end=60, project_id="shop")), **headers)
    still = [e for e in found(app, admin) if e["scope"]]
    assert [(named(door.store, e["scope"]), e["closed_at"]) for e in still] == [
        (("alpha", "shop"), None)
    ] * 2
    tell(app, "aodh", alarm("ok"), **mine)
    assert sum(e["closed_at"] is None for e in found(app, admin) if e["scope"]) == 1


def test_a_receiver_may_require_a_role(door: Door, admin: Any) -> None:
    app = door.app(**sections(open={"keystone": "true", "role": "alerter"}))
    refused = tell(app, "open", webhook(sent()), 403, **door.hand(token("member", "reader")))
    assert "alerter" in refused.json["errors"][0]["detail"]
    assert found(app, admin) == []
    tell(app, "open", webhook(sent(project_id="shop")), **door.hand(token("alerter")))
    tell(app, "open", webhook(sent("g", project_id="shop")), **BEARER)
    assert len(found(app, admin)) == 2


def test_token_refused_by_keystone_is_counted(door: Door, app: TestApp, admin: Any) -> None:
    tell(app, "open", webhook(sent()), 401, X_Auth_Token="x")
    counts = app.get(URL, headers=admin).json["receivers"][2]
    assert (counts["name"], counts["refused"], counts["refusal"][:3]) == ("open", 1, "401")


def test_a_keystone_token_is_503_while_keystone_is_down(door: Door) -> None:
    app = door.app({"http_request_max_retries": "0"}, **RECEIVERS)
    headers = door.hand(token("member"))
    door.keystone.stop()
    answer = tell(app, "aodh", alarm(), 503, **headers)
    assert answer.json["errors"][0]["code"] == "openstats.keystone.unavailable"


def test_a_member_sees_alerts_of_its_own_project_only(door: Door, app: TestApp) -> None:
    tell(
        app,
        "am",
        webhook(sent("a", project_id="shop", cloud="alpha"), sent("b", project_id="blog")),
    )
    tell(app, "open", webhook(sent("c", project_id="shop")), **door.hand(token("member")))
    mine = door.hand(token("reader"))
    assert sorted(entry["message"] for entry in found(app, mine)) == ["HostDown", "c is down"]
    counted = app.get("/api/stats/alert/", headers=mine).json
    assert counted["Error"] == 2
    other = door.hand(token("reader", project="blog"))
    assert len(found(app, other)) == 1
    assert found(app, door.hand(token("member"))) == []


def test_without_authentication_keystone_tokens_are_refused(receiving: Any) -> None:
    app = receiving(open={"keystone": "true"})
    tell(app, "open", webhook(sent()), 401, X_Auth_Token="x")
    tell(app, "open", webhook(sent()), 403, **BEARER, Host="evil.example")
    tell(app, "open", webhook(sent()), 403, **BEARER, X_Forwarded_For="127.0.0.1")
    assert listed(app) == []
    tell(app, "open", webhook(sent()))


WRITERS = [
    (("admin",), "admin", True),
    (("service",), "shop", True),
    (("reader",), "admin", False),
    (("member", "reader"), "shop", False),
    (("admin",), "shop", False),
    ((), "shop", False),
]


@pytest.mark.parametrize(("roles", "project", "allowed"), WRITERS)
def test_only_receivers_and_admins_write_alerts(
    door: Door, app: TestApp, admin: Any, roles: tuple[str, ...], project: str, allowed: bool
) -> None:
    """Whoever asks owns the customer that the alert is of."""
    acme, _ = app.get("/api/customers/", headers=admin).json["customers"]
    scope = {"customer": acme["uuid"]}
    app.post_json(
        "/api/grants/", {"user_id": "ann", "role": "owner", "scope": scope}, headers=admin
    )
    body = {"severity": "Error", "alert_type": "t", "message": "m", "scope": scope}
    place = app.post_json("/api/alerts/", body, headers=admin, status=201).headers["Location"]
    headers = door.hand(token(*roles, project=project))
    assert app.get(place, headers=headers).json["alert_type"] == "t"
    app.post_json("/api/alerts/", body, headers=headers, status=200 if allowed else 403)
    for action in ("acknowledge", "close"):
        url = f"{place}{action}/"
        app.post(f"{url}?on_behalf_of=x", headers=headers, status=403)
        app.post(url, headers=headers, status=200 if allowed else 403)
    app.delete(place, headers=headers, status=405)
