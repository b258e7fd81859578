"""What every statistic's answer has around it: coverage, age, caching, methods, roots."""

import pytest
from webtest import TestApp

from openstats.storage.store import Store
from tests.registry import KEYSTONE, NOW, site

ROOTS = ("/api/stats", "/stats")
ASKED = {
    "resource": f"?auth_url={KEYSTONE}",
    "quota": "",
    "customer": "",
    "creation-time": "?type=customer",
}
VARY = {"X-Auth-Token", "Authorization", "Cookie", "Accept", "Origin"}


@pytest.fixture(params=ASKED)
def url(request: pytest.FixtureRequest) -> str:
    return f"/api/stats/{request.param}/{ASKED[request.param]}"


@pytest.mark.parametrize("name", ASKED)
def test_both_roots_with_and_without_the_slash(filled_app: TestApp, name: str) -> None:
    urls = [f"{root}/{name}{slash}{ASKED[name]}" for root in ROOTS for slash in ("", "/")]
    answers = [filled_app.get(url) for url in urls]
    assert {answer.status_int for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1


@pytest.mark.parametrize(
    "path",
    ["/api/stats", "/api/stats/", "/api/stats/nothing/", "/api/stats/quota//", "/stats/quotas"],
)
def test_other_urls_are_404(filled_app: TestApp, path: str) -> None:
    (error,) = filled_app.get(path, status=404).json["errors"]
    assert (error["status"], error["code"]) == (404, "openstats.route.unknown")


def test_headers(filled_app: TestApp, url: str) -> None:
    answer = filled_app.get(url)
    assert answer.content_type == "application/json"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert set(answer.headers["Vary"].split(", ")) == VARY
    assert answer.headers["X-Openstack-Request-Id"].startswith("req-")
    assert "Last-Modified" not in answer.headers


def test_request_ids_differ(filled_app: TestApp, url: str) -> None:
    ids = {filled_app.get(url).headers["X-Openstack-Request-Id"] for _ in range(3)}
    assert len(ids) == 3


@pytest.mark.parametrize(
    ("name", "coverage", "age"),
    [
        ("resource", "tenants=4/4 clouds=2/2", "90"),
        ("quota", "tenants=4/4 clouds=2/2", "90"),
        ("customer", "tenants=4/4 clouds=2/2", "50"),
        ("creation-time", "tenants=4/4 clouds=2/2", "50"),
    ],
)
def test_coverage_and_age(stored_app: TestApp, name: str, coverage: str, age: str) -> None:
    headers = stored_app.get(f"/api/stats/{name}/{ASKED[name]}").headers
    assert (headers["X-Openstats-Coverage"], headers["X-Openstats-Age"]) == (coverage, age)


def test_an_empty_store_has_no_age(empty_app: TestApp) -> None:
    headers = empty_app.get("/api/stats/quota/").headers
    assert headers["X-Openstats-Coverage"] == "tenants=0/0 clouds=0/0"
    assert "X-Openstats-Age" not in headers


def test_a_figure_of_the_future_is_not_younger_than_now(
    writable_app: TestApp, store: Store
) -> None:
    with store.transaction() as db:
        site(db).project("p1").discover().quota("p1", at=NOW + 3600)
    assert writable_app.get("/api/stats/quota/").headers["X-Openstats-Age"] == "0"


def test_strict_when_all_is_known(filled_app: TestApp, url: str) -> None:
    strict = f"{url}{'&' if '?' in url else '?'}strict=true"
    assert filled_app.get(strict).json == filled_app.get(url).json


@pytest.mark.parametrize("name", ["quota", "customer", "creation-time", "resource"])
def test_strict_when_something_is_missing(writable_app: TestApp, store: Store, name: str) -> None:
    with store.transaction() as db:
        site(db, "a", region="one").project("p1").discover().capacity()
        site(db, "b", region="two")
    query = f"{ASKED[name] or '?'}&strict="
    assert writable_app.get(f"/api/stats/{name}/{query}false").status_int == 200
    answer = writable_app.get(f"/api/stats/{name}/{query}true", status=503)
    (error,) = answer.json["errors"]
    assert error["code"] == "openstats.statistic.incomplete"
    assert "clouds=" in error["detail"]
    assert answer.headers["Retry-After"] == "60"


def test_the_etag_is_that_of_the_bytes(writable_app: TestApp, store: Store) -> None:
    with store.transaction() as db:
        alpha = site(db).project("p1").discover().quota("p1", vcpu=(1, 1))
    first, again = writable_app.get("/api/stats/quota/"), writable_app.get("/api/stats/quota/")
    assert first.headers["ETag"] == again.headers["ETag"]
    with store.transaction() as db:
        alpha.db = db
        alpha.quota("p1", vcpu=(2, 1))
    assert writable_app.get("/api/stats/quota/").headers["ETag"] != first.headers["ETag"]


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
def test_matching_etag_is_answered_304(filled_app: TestApp, url: str, form: str) -> None:
    whole = filled_app.get(url)
    headers = {"If-None-Match": form.format(whole.headers["ETag"])}
    answer = filled_app.get(url, headers=headers, status=304)
    assert answer.body == b""
    for name in ("ETag", "Vary", "Cache-Control", "X-Openstats-Coverage"):
        assert answer.headers[name] == whole.headers[name]


def test_another_etag_is_answered_200(filled_app: TestApp, url: str) -> None:
    answer = filled_app.get(url, headers={"If-None-Match": '"other", "W/x"'})
    assert answer.status_int == 200
    assert answer.json == filled_app.get(url).json


def test_head_is_get_without_the_body(filled_app: TestApp, url: str) -> None:
    head, whole = filled_app.head(url), filled_app.get(url)
    assert head.body == b""
    for name in ("ETag", "Content-Length", "Content-Type", "X-Openstats-Coverage"):
        assert head.headers[name] == whole.headers[name]
    assert int(head.headers["Content-Length"]) == len(whole.body)


def test_head_may_be_304_or_400(filled_app: TestApp, url: str) -> None:
    etag = filled_app.get(url).headers["ETag"]
    filled_app.head(url, headers={"If-None-Match": etag}, status=304)
    filled_app.head(f"{url}{'&' if '?' in url else '?'}nonsense=1", status=400)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods_are_405(filled_app: TestApp, url: str, method: str) -> None:
    answer = filled_app.request(url, method=method, status=405)
    assert answer.headers["Allow"] == "GET, HEAD"
    (error,) = answer.json["errors"]
    assert (error["status"], error["code"]) == (405, "openstats.method.not_allowed")
    assert error["detail"] == "the method must be one of GET, HEAD"


def test_a_body_of_a_get_is_not_looked_at(filled_app: TestApp, url: str) -> None:
    answer = filled_app.request(url, method="GET", body=b"\x00\xff", status=200)
    assert answer.body == filled_app.get(url).body


@pytest.mark.parametrize("page", ["/healthcheck", "/docs", "/openapi.json", "/api/customers"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_every_url_has_two_spellings(filled_app: TestApp, page: str, method: str) -> None:
    one, other = (filled_app.request(page + slash, method=method) for slash in ("", "/"))
    assert (one.status_int, other.status_int) == (200, 200)
    assert one.content_type == other.content_type
    assert page == "/docs" or one.body == other.body


@pytest.mark.parametrize("aggregate", ["customer", "project", "project_group"])
@pytest.mark.parametrize("name", ["usage", "quota", "alert"])
def test_a_thousand_uuids_fit(stored_app: TestApp, name: str, aggregate: str) -> None:
    uuids = "&".join(f"uuid={number:032x}" for number in range(1000))
    extra = "item=memory&tz=UTC&interval=day" if name == "usage" else "each=true&strict=false"
    answer = stored_app.get(f"/api/stats/{name}/?aggregate={aggregate}&{uuids}&{extra}")
    assert answer.json == []
