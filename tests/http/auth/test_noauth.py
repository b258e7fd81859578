"""Without authentication: who is answered, and what is refused at the start."""

from collections.abc import Callable
from typing import Any

import pytest
from webob import Request
from webtest import TestApp

from openstats.api.policies import RULES
from openstats.errors import ConfigError
from openstats.http.auth.noauth import ADMIN, NoAuthStrategy
from openstats.http.auth.policy import Policy
from openstats.wsgi.app import make_app
from tests.conftest import Sqlite

URLS = ["/api/stats/quota/", "/stats/customer", "/api/stats/resource/?auth_url=x"]


def status(client: TestApp, url: str, environ: dict[str, Any]) -> int:
    answer = client.get(url, extra_environ=environ, status="*")
    if answer.status_int == 403:
        (error,) = answer.json["errors"]
        assert error["code"] == "openstats.permission.denied"
        assert "without authentication" in error["detail"]
    code: int = answer.status_int
    return code


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8779", "LocalHost", "127.0.0.1", "127.0.0.1:8779", "[::1]", "[::1]:1"],
)
def test_names_of_loopback_are_answered(filled_app: TestApp, host: str) -> None:
    assert status(filled_app, URLS[0], {"HTTP_HOST": host}) == 200


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:8779",
        "localhost.evil.example",
        "127.0.0.1.evil.example:80",
        "evil.example:localhost",
        "10.0.0.1",
        "127.0.0.2",
        "[::2]",
        "[::1",
        "localhost@evil.example",
        "localhost, evil.example",
    ],
)
def test_other_hosts_than_loopback_are_403(filled_app: TestApp, host: str, url: str) -> None:
    assert status(filled_app, url, {"HTTP_HOST": host}) == 403


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("header", ["HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR"])
@pytest.mark.parametrize("value", ["", "127.0.0.1", "for=127.0.0.1", "evil.example"])
def test_forwarded_requests_are_refused(
    filled_app: TestApp, header: str, value: str, url: str
) -> None:
    assert status(filled_app, url, {header: value}) == 403


def test_a_refusal_comes_before_the_parameters(filled_app: TestApp) -> None:
    environ = {"HTTP_HOST": "evil.example"}
    assert status(filled_app, "/api/stats/resource/?nonsense=%FF", environ) == 403


def test_foreign_callers_are_answered_with_noauth_beyond_loopback(
    sqlite: Sqlite, options: Callable[..., Any]
) -> None:
    with sqlite.store() as store:
        conf = options(api__host="0.0.0.0", api__noauth_beyond_loopback=True)
        client = TestApp(make_app(conf, store))
        environ = {"HTTP_HOST": "stats.example", "HTTP_X_FORWARDED_FOR": "10.0.0.1"}
        assert status(client, URLS[0], environ) == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "", "stats.example", "*"])
def test_the_network_is_not_let_in_by_accident(
    sqlite: Sqlite, options: Callable[..., Any], host: str
) -> None:
    with sqlite.store() as store, pytest.raises(ConfigError, match="noauth_beyond_loopback"):
        make_app(options(api__host=host), store)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_noauth_listens_on_loopback(sqlite: Sqlite, options: Callable[..., Any], host: str) -> None:
    with sqlite.store() as store:
        assert TestApp(make_app(options(api__host=host), store)).get(URLS[0]).json


def test_an_unknown_permission_is_denied(options: Callable[..., Any]) -> None:
    request = Request.blank("/")
    request.identity = ADMIN
    nobody = NoAuthStrategy(Policy(options(), RULES), beyond_loopback=True)
    for permission in ("openstats:closed", "openstats:new:get", ""):
        assert not nobody.permits(request, None, permission)
