"""Keystone's tokens: what a caller is by them, whatever else the request says."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from webtest import TestApp

from openstats.errors import ConfigError
from openstats.http.auth.auth_token import TokenCache
from tests.api.door import Door, Token, token
from tests.conftest import Sqlite
from tests.double import Double
from tests.registry import NOW, site


@pytest.fixture
def door(sqlite: Sqlite, tmp_path: Path) -> Iterator[Door]:
    with Double() as keystone, sqlite.store() as store:
        with store.transaction() as db:
            here = site(db, auth_url=keystone.auth_url).project("shop").project("blog")
            here.discover().quota("shop", vcpu=(4, 1)).quota("blog", vcpu=(8, 2))
        yield Door(tmp_path, keystone, store)


def seen(app: TestApp, headers: dict[str, str]) -> list[str]:
    """Give the names of the projects that a caller sees."""
    url = "/api/stats/quota/?aggregate=project&each=true"
    return [entry["name"] for entry in app.get(url, headers=headers).json]


@pytest.mark.parametrize("strict", ["false", "true"])
def test_only_a_token_identifies_the_caller(door: Door, strict: str) -> None:
    app = door.app({"delay_auth_decision": strict})
    forged = {
        "X-Identity-Status": "Confirmed",
        "X-Roles": "admin",
        "X-User-Id": "me",
        "OpenStack-System-Scope": "all",
    }
    for url in ("/api/stats/quota/", "/stats/quota", "/api/stats/resource/", "/api/customers/"):
        for headers in ({}, forged, {"X-Auth-Token": "x"}, forged | {"X-Auth-Token": "x"}):
            answer = app.get(url, headers=headers, status=401)
            assert answer.json["errors"][0]["code"] == "openstats.token.missing"
            assert answer.headers["WWW-Authenticate"].startswith("Keystone uri=")
            assert (
                answer.headers["X-Openstack-Request-Id"] == (answer.json["errors"][0]["request_id"])
            )


def test_health_and_the_document_need_no_token(door: Door) -> None:
    app = door.app()
    for url in ("/healthcheck", "/openapi.json", "/"):
        assert app.get(url, headers={"X-Auth-Token": "x"}).status_int == 200
    assert not door.keystone.site.asked


def test_a_token_is_asked_for_once(door: Door) -> None:
    app, headers = door.app(), door.hand(token("reader"))
    for _ in range(3):
        assert seen(app, headers) == ["shop"]
    assert door.keystone.site.asked == [headers["X-Auth-Token"]]


def test_a_revoked_token_is_good_for_no_longer_than_it_is_remembered(door: Door) -> None:
    app, headers = door.app({"token_cache_time": "100"}), door.hand(token("reader"))
    for _ in range(2):
        assert seen(app, headers) == ["shop"]
    door.keystone.site.handed.clear()
    # For a half of it auth_token remembers, for the other half what it made of it is kept.
    door.time[0] += 49
    assert seen(app, headers) == ["shop"]
    door.time[0] += 52
    app.get("/api/stats/quota/", headers=headers, status=401)


def remembered(**more: Any) -> dict[str, Any]:
    """Give an environment as auth_token leaves it, of a token that expires 10 s after NOW."""
    expires = datetime.fromtimestamp(NOW + 10, UTC)
    auth = SimpleNamespace(user=SimpleNamespace(expires=expires))
    return {
        "HTTP_X_AUTH_TOKEN": "t",
        "HTTP_X_IDENTITY_STATUS": "Confirmed",
        "keystone.token_auth": auth,
        "keystone.token_info": {"token": {}},
    } | more


def recalled(environ: dict[str, Any], asked: dict[str, str], after: int = 0) -> bool:
    now = [float(NOW)]
    tokens = TokenCache(300, lambda: now[0])
    tokens.remember(environ)
    now[0] += after
    found = tokens.recall(asked)
    assert found is None or found["HTTP_X_IDENTITY_STATUS"] == "Confirmed"
    return found is not None


def test_only_what_the_token_alone_decides_is_remembered() -> None:
    asked = {"HTTP_X_AUTH_TOKEN": "t"}
    rules = {"token": {"application_credential": {"access_rules": []}}}
    assert recalled(remembered(), asked)
    assert recalled(remembered(), asked, after=9)
    assert not recalled(remembered(), asked, after=10)
    assert not recalled(remembered(), {"HTTP_X_AUTH_TOKEN": "u"})
    assert not recalled(remembered(), {})
    assert not recalled(remembered(), asked | {"HTTP_X_SERVICE_TOKEN": "s"})
    assert not recalled(remembered(HTTP_X_SERVICE_TOKEN="s"), asked)
    assert not recalled(remembered(HTTP_X_IDENTITY_STATUS="Invalid"), asked)
    assert not recalled(remembered(**{"keystone.token_info": rules}), asked)
    unnamed = remembered()
    del unnamed["HTTP_X_AUTH_TOKEN"]
    assert not recalled(unnamed, asked)


def test_without_keystone_a_token_is_answered_503(door: Door) -> None:
    app = door.app({"http_request_max_retries": "0"})
    headers = door.hand(token("reader"))
    door.keystone.stop()
    answer = app.get("/api/stats/quota/", headers=headers, status=503)
    assert answer.json["errors"][0]["code"] == "openstats.keystone.unavailable"
    assert app.get("/healthcheck").status_int == 200


def test_without_the_right_to_validate_tokens_the_answer_is_503(door: Door) -> None:
    app, headers = door.app({"http_request_max_retries": "0"}), door.hand(token("reader"))
    door.keystone.site.denied.add("validate_token")
    answer = app.get("/api/stats/quota/", headers=headers, status=503)
    assert answer.json["errors"][0]["code"] == "openstats.keystone.unavailable"


def test_an_expired_token_is_401(door: Door) -> None:
    old = token("admin", expires_at="2020-01-01T00:00:00.000000Z")
    door.app().get("/api/stats/quota/", headers=door.hand(old), status=401)


@pytest.mark.parametrize(
    ("roles", "project", "allowed"),
    [
        (("admin",), "admin", True),
        (("reader",), "admin", True),
        (("member",), "admin", False),
        (("admin",), "shop", False),
        (("service",), "shop", True),
    ],
)
def test_admins_and_readers_see_everything(
    door: Door, roles: tuple[str, ...], project: str, allowed: bool
) -> None:
    headers = door.hand(token(*roles, project=project)) | {"X-Is-Admin-Project": "True"}
    url = f"/api/stats/resource/?auth_url={door.keystone.auth_url}"
    status = door.app().get(url, headers=headers, status="*").status_int
    assert status == (503 if allowed else 403)


def test_another_project_may_be_the_admins(door: Door) -> None:
    app = door.app(identity={"admin_project_ids": "ops,shop"})
    assert seen(app, door.hand(token("admin"))) == ["blog", "shop"]
    assert seen(app, door.hand(token("admin", project="admin"))) == []


def test_a_project_named_admin_elsewhere_is_not_the_admins(door: Door) -> None:
    domain = {"id": "d2", "name": "Default"}
    other = token("admin") | {"project": {"id": "p", "name": "admin", "domain": domain}}
    assert seen(door.app(), door.hand(other)) == []


@pytest.mark.parametrize("service", [token("service"), token("service", system={"all": True})])
def test_a_service_token_beside_the_callers_adds_nothing(door: Door, service: Token) -> None:
    caller, beside = door.hand(token("member")), door.hand(service)
    headers = caller | {"X-Service-Token": beside["X-Auth-Token"]}
    assert seen(door.app(), headers) == []


def test_an_own_project_takes_the_role_reader(door: Door) -> None:
    app = door.app()
    assert seen(app, door.hand(token("member", "reader"))) == ["shop"]
    assert seen(app, door.hand(token("member"))) == []
    assert seen(app, door.hand(token("reader", project="unknown"))) == []


def test_clouds_of_another_keystone_are_not_the_tokens(door: Door) -> None:
    assert seen(door.app(identity={"clouds": "alpha"}), door.hand(token("reader"))) == ["shop"]
    assert seen(door.app(identity={"clouds": "beta"}), door.hand(token("reader"))) == []


def test_grants_are_added_to_an_own_project(door: Door) -> None:
    app = door.app()
    door.grant("blog", user_id="ann")
    assert seen(app, door.hand(token("reader"))) == ["blog", "shop"]
    assert seen(app, door.hand(token("member"))) == ["blog"]
    assert seen(app, door.hand(token("reader", user="bob"))) == ["shop"]


FEDERATED = {
    "id": "ann",
    "name": "ann",
    "domain": {"id": "Federated", "name": "Federated"},
    "OS-FEDERATION": {
        "groups": [{"id": "staff"}],
        "identity_provider": {"id": "idp"},
        "protocol": {"id": "openid"},
    },
}


def test_federated_tokens_carry_their_groups(door: Door) -> None:
    door.grant("blog", group_id="staff")
    headers = door.hand(token("reader") | {"user": FEDERATED})
    assert seen(door.app(), headers) == ["blog", "shop"]
    assert door.keystone.site.asked == [headers["X-Auth-Token"]]


def test_other_groups_are_asked_for_and_remembered_for_a_while(door: Door) -> None:
    app, headers, known = door.app(), door.hand(token("reader")), door.keystone.site
    known.groups["ann"] = ["staff"]
    assert seen(app, headers) == ["shop"]
    # Where no group has a grant, it does not matter who is in it.
    assert known.asked.count("ann") == 0
    door.grant("blog", group_id="staff")
    assert seen(app, headers) == seen(app, headers) == ["blog", "shop"]
    assert known.asked.count("ann") == 1
    known.groups["ann"] = []
    door.time[0] += 299
    assert seen(app, headers) == ["blog", "shop"]
    door.time[0] += 2
    assert seen(app, headers) == ["shop"]
    assert known.asked.count("ann") == 2


def test_unknown_groups_grant_nothing(door: Door) -> None:
    door.grant("blog", group_id="staff")
    assert seen(door.app(), door.hand(token("reader"))) == ["shop"]
    door.grant("blog", user_id="ann")
    assert seen(door.app(), door.hand(token("reader"))) == ["blog", "shop"]


DELEGATED = {
    "application credential": {"application_credential": {"id": "c", "restricted": True}},
    "trust": {"OS-TRUST:trust": {"id": "t", "impersonation": True}},
    "OAuth1": {"OS-OAUTH1": {"access_token_id": "a", "consumer_id": "c"}},
}


@pytest.mark.parametrize("kind", DELEGATED.values(), ids=DELEGATED)
def test_delegated_credentials_have_no_grants(door: Door, kind: Token) -> None:
    door.grant("blog", user_id="ann")
    headers = door.hand(token("reader", **kind))
    assert seen(door.app(), headers) == ["shop"]
    assert seen(door.app(identity={"delegated_grants": "true"}), headers) == ["blog", "shop"]


def test_access_rules_of_an_application_credential_hold(door: Door) -> None:
    rule = {"id": "r", "service": "statistics", "method": "GET", "path": "/api/stats/quota/"}
    given = {"application_credential": {"id": "c", "restricted": True, "access_rules": [rule]}}
    catalog = [{"type": "statistics", "name": "openstats", "id": "s", "endpoints": []}]
    app = door.app()
    headers = door.hand(token("reader", **given, catalog=catalog))
    assert app.get("/api/stats/quota/", headers=headers).json["vcpu"] == 4
    refused = app.get("/api/stats/customer/", headers=headers, status=401)
    assert "do not allow GET /api/stats/customer/" in refused.json["errors"][0]["detail"]
    # A catalog without us, or none, allows nothing.
    for more in ({"catalog": []}, {}):
        refused = app.get(
            "/api/stats/quota/", headers=door.hand(token("reader", **given, **more)), status=401
        )
        assert "it has no service statistics" in refused.json["errors"][0]["detail"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"auth_type": ""}, "auth_type"),
        ({"memcached_servers": "192.0.2.1:11211"}, "memcache_security_strategy"),
        (
            {"memcached_servers": "127.0.0.1:1,far:1", "memcache_security_strategy": "None"},
            "far:1 are other machines",
        ),
    ],
)
def test_rejects_options_that_leave_tokens_unprotected(
    door: Door, options: dict[str, str], told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        door.app(options)
