"""Health, version, the document; and what is said when the store is down or we are wrong."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from webtest import TestApp

import openstats
from openstats.storage.store import Store
from tests.conftest import Postgresql, Sqlite
from tests.registry import KEYSTONE, site

STATISTICS = [
    f"/api/stats/resource/?auth_url={KEYSTONE}",
    "/api/stats/quota/",
    "/api/stats/quota/?each=true",
    "/api/stats/customer/",
    "/api/stats/creation-time/?type=project",
    "/api/stats/usage/?item=memory",
    "/api/stats/alert/",
    "/api/stats/alert/?each=true",
]
PAGES = ["/", "/healthcheck", "/openapi.json"]
App = Callable[[Store], Any]


def test_healthy(stored_app: TestApp) -> None:
    assert stored_app.get("/healthcheck").json == {"status": "ok"}


def test_not_healthy(unreachable_app: TestApp) -> None:
    answer = unreachable_app.get("/healthcheck", status=503)
    assert answer.json == {"status": "store unavailable"}


@pytest.mark.parametrize("url", STATISTICS)
def test_statistics_while_the_store_is_down(unreachable_app: TestApp, url: str) -> None:
    answer = unreachable_app.get(url, status=503)
    (error,) = answer.json["errors"]
    assert error["code"] == "openstats.store.unavailable"
    assert answer.headers["Retry-After"] == "10"
    for secret in ("secret", "127.0.0.1", "psycopg", "refused"):
        assert secret not in answer.text


def test_wrong_input_is_wrong_while_the_store_is_down(unreachable_app: TestApp) -> None:
    unreachable_app.get("/api/stats/quota/?nonsense=1", status=400)


@pytest.mark.parametrize("url", STATISTICS)
def test_a_store_without_tables_is_no_defect(empty_store: Store, app_on: App, url: str) -> None:
    (error,) = TestApp(app_on(empty_store)).get(url, status=503).json["errors"]
    assert error["code"] == "openstats.store.unavailable"


def test_back_again(writable_app: TestApp, store: Store) -> None:
    writable_app.get("/api/stats/quota/")
    store.close()
    assert writable_app.get("/api/stats/quota/").status_int == 200


def test_a_defect_tells_nothing_but_where_to_look(sqlite: Sqlite, app_on: App) -> None:
    with sqlite.store() as store:
        with store.transaction() as db:
            site(db).capacity().project("p1").discover()
            # No code of ours writes this: the clock of the oldest figure is no number.
            db.exec_driver_sql("UPDATE quota SET compute_at = 'soon', volume_at = 'soon'")
        answer = TestApp(app_on(store)).get("/api/stats/quota/", status=500)
    (error,) = answer.json["errors"]
    assert error["code"] == "openstats.defect"
    assert error["request_id"] == answer.headers["X-Openstack-Request-Id"]
    assert "soon" not in answer.text
    assert "Traceback" not in answer.text


def test_version(filled_app: TestApp) -> None:
    answer = filled_app.get("/").json
    assert (answer["name"], answer["version"]) == ("openstats", openstats.__version__)
    links = {link["rel"]: link["href"] for link in answer["links"]}
    assert filled_app.get(links["describedby"]).json["openapi"].startswith("3.1")


@pytest.mark.parametrize("url", PAGES)
def test_pages_have_a_request_id_and_are_json(filled_app: TestApp, url: str) -> None:
    answer = filled_app.get(url)
    assert answer.content_type == "application/json"
    assert answer.headers["X-Openstack-Request-Id"].startswith("req-")
    assert filled_app.head(url).body == b""


@pytest.mark.parametrize("url", PAGES)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_pages_are_read_only(filled_app: TestApp, url: str, method: str) -> None:
    answer = filled_app.request(url, method=method, status=405)
    assert answer.headers["Allow"] == "GET, HEAD"
    assert answer.json["errors"][0]["code"] == "openstats.method.not_allowed"


@pytest.mark.parametrize(
    "url", ["/nothing", "/api/", "/healthcheck//", "/docs//", "/a//b", "/%00", "/%ff", "/a%2fb"]
)
def test_unknown_urls_are_404(filled_app: TestApp, url: str) -> None:
    answer = filled_app.get(url, status=404)
    (error,) = answer.json["errors"]
    assert error["code"] == "openstats.route.unknown"
    assert error["request_id"] == answer.headers["X-Openstack-Request-Id"]


def test_a_store_that_can_only_be_read_is_read(postgres: Postgresql, app_on: App) -> None:
    with postgres.store() as store:
        name = store.url.database
        postgres.server.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        store.close()
        api = TestApp(app_on(store))
        assert api.get("/api/customers/").json == {"customers": []}
        answer = api.post_json(
            "/api/customers/", {"name": "a"}, headers={"Host": "localhost"}, status=503
        )
        assert answer.json["errors"][0]["code"] == "openstats.store.unavailable"
        assert "Retry-After" in answer.headers
        store.close()


def test_a_schema_that_changed_is_said(writable_app: TestApp, store: Store) -> None:
    assert writable_app.get("/healthcheck").json == {"status": "ok"}
    with store.transaction() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    answer = writable_app.get("/healthcheck", status=503)
    assert answer.json == {"status": "the store has another schema"}
    assert "Retry-After" in answer.headers
