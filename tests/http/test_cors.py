"""Cross-origin requests: answered where the operator allows the origin, and not before."""

import pytest
from webtest import TestApp

from openstats import conf
from openstats.http.cors import allow_origins
from openstats.wsgi.app import make_app

PORTAL = "https://portal.example.com"
PREFLIGHT = {
    "Origin": PORTAL,
    "Access-Control-Request-Method": "GET",
    "Access-Control-Request-Headers": "X-Auth-Token",
}


@pytest.fixture
def app(store, tmp_path, request):
    path = tmp_path / "openstats.conf"
    path.write_text(f"[cors]\nallowed_origin = {request.param}\n")
    options = conf.load([str(path)])
    made = allow_origins(make_app(options, store), options)
    return TestApp(made, extra_environ={"HTTP_HOST": "localhost"})


@pytest.mark.parametrize("app", [PORTAL], indirect=True)
def test_an_allowed_origin_is_answered(app):
    preflight = app.options("/api/stats/quota/", headers=PREFLIGHT)
    assert preflight.status_int == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == PORTAL
    assert "X-Auth-Token" in preflight.headers["Access-Control-Allow-Headers"]
    answer = app.get("/api/stats/quota/", headers={"Origin": PORTAL})
    assert answer.headers["Access-Control-Allow-Origin"] == PORTAL
    assert "X-Openstats-Age" in answer.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("app", [PORTAL], indirect=True)
def test_an_allowed_origin_may_ask_to_write(app):
    asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "If-Match"}
    preflight = app.options("/api/customers/", headers=PREFLIGHT | asked)
    assert "PUT" in preflight.headers["Access-Control-Allow-Methods"]
    assert "If-Match" in preflight.headers["Access-Control-Allow-Headers"]


@pytest.mark.parametrize("app", [PORTAL], indirect=True)
def test_another_origin_gets_no_cors_headers(app):
    other = PREFLIGHT | {"Origin": "https://elsewhere.example.com"}
    preflight = app.options("/api/stats/quota/", headers=other, expect_errors=True)
    assert "Access-Control-Allow-Origin" not in preflight.headers


@pytest.mark.parametrize("app", [""], indirect=True)
def test_without_an_origin_a_preflight_is_a_method_like_others(app):
    preflight = app.options("/api/stats/quota/", headers=PREFLIGHT, status=405)
    assert preflight.headers["Allow"] == "GET, HEAD"
    assert "Access-Control-Allow-Origin" not in preflight.headers
