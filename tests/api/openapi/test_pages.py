"""The page of the API's description, and what it needs: bytes and headers, as browsers get them."""

import re
from importlib.resources import files
from pathlib import Path

import pytest
from webtest import TestApp

from openstats.api.openapi import pages
from tests.api.door import Door
from tests.conftest import Sqlite
from tests.double import Double

POLICY = {
    "default-src": {"'none'"},
    "script-src": {"'self'"},
    "style-src": {"'self'", "'unsafe-inline'"},
    "img-src": {"'self'", "data:"},
    "connect-src": {"'self'"},
    "base-uri": {"'none'"},
    "form-action": {"'none'"},
    "frame-ancestors": {"'none'"},
}


@pytest.fixture(scope="module")
def urls(filled_app: TestApp) -> list[str]:
    """Give the page, and what it names."""
    named = re.findall(r'(?:src|href)="(docs/[^"]+)"', filled_app.get("/docs").text)
    assert len(named) == len(pages.ASSETS)
    return ["/docs", *(f"/{url}" for url in named)]


def test_it_is_a_page(filled_app: TestApp) -> None:
    answer = filled_app.get("/docs")
    assert answer.content_type == "text/html"
    assert answer.charset == "utf-8"
    assert "<title>openstats" in answer.text
    assert 'spec-url="openapi.json"' in answer.text


def test_the_page_loads_nothing_from_other_hosts(filled_app: TestApp, urls: list[str]) -> None:
    text = filled_app.get("/docs").text
    assert "//" not in text.replace("<!doctype html>", "")
    (style,) = [url for url in urls if url.endswith(".css")]
    assert not re.search(r"url\(|@import", filled_app.get(style).text)


def test_every_asset_is_sent_as_it_is_packaged(filled_app: TestApp, urls: list[str]) -> None:
    packaged = {
        Path(file).name: (files("openstats.api").joinpath("assets", file).read_bytes(), kind)
        for file, kind in pages.ASSETS.values()
    }
    sent = {url.rpartition("/")[2]: filled_app.get(url) for url in urls[1:]}
    assert {name: (a.body, a.content_type) for name, a in sent.items()} == packaged


def test_headers_are_strict(filled_app: TestApp, urls: list[str]) -> None:
    for url in urls:
        answer = filled_app.get(url)
        parts = [part.split() for part in answer.headers["Content-Security-Policy"].split(";")]
        assert {name: set(sources) for name, *sources in parts} == POLICY
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Openstack-Request-Id"].startswith("req-")


def test_the_page_is_revalidated_and_its_assets_are_cached(
    filled_app: TestApp, urls: list[str]
) -> None:
    page, *assets = (filled_app.get(url) for url in urls)
    assert page.headers["Cache-Control"] == "no-cache"
    for url, answer in zip(urls[1:], assets, strict=True):
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["ETag"].strip('"') in url


def test_cached_asset_is_answered_304(filled_app: TestApp, urls: list[str]) -> None:
    for url in urls:
        tag = filled_app.get(url).headers["ETag"]
        again = filled_app.get(url, headers={"If-None-Match": tag}, status=304)
        assert (again.body, again.headers["ETag"]) == (b"", tag)
        assert "Content-Security-Policy" in again.headers


def test_head_is_get_without_a_body(filled_app: TestApp, urls: list[str]) -> None:
    for url in urls:
        full, head = filled_app.get(url), filled_app.head(url)
        assert head.body == b""
        assert head.content_length == len(full.body)
        assert head.headers["ETag"] == full.headers["ETag"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_it_is_read_only(filled_app: TestApp, urls: list[str], method: str) -> None:
    for url in urls:
        answer = filled_app.request(url, method=method, status=405)
        assert answer.headers["Allow"] == "GET, HEAD"
        assert answer.json["errors"][0]["code"] == "openstats.method.not_allowed"


def test_it_needs_no_token(sqlite: Sqlite, tmp_path: Path, urls: list[str]) -> None:
    with Double() as keystone, sqlite.store() as store:
        app = Door(tmp_path, keystone, store).app()
        app.get("/api/stats/quota/", status=401)
        assert {app.get(url).status_int for url in urls} == {200}


def test_unknown_asset_is_404(filled_app: TestApp, urls: list[str]) -> None:
    tag = urls[1].split("/")[2]
    for url in (f"/docs/{tag}/LICENSE", f"/docs/{'0' * 32}/page.css", f"{urls[1]}/"):
        answer = filled_app.get(url, status=404)
        assert answer.json["errors"][0]["code"] == "openstats.route.unknown"


def test_the_version_document_points_to_it(filled_app: TestApp) -> None:
    (link,) = [link for link in filled_app.get("/").json["links"] if link["rel"] == "help"]
    assert filled_app.get(link["href"]).content_type == "text/html"
