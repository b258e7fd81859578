"""gzip: sent where it is asked for, and its ETags are as good as all others."""

import gzip
import json
import re
from typing import Any

import pytest
from webob import Request
from webtest import TestApp

from openstats.storage.store import Store
from tests.registry import KEYSTONE, site

LONG = "/api/stats/usage/?item=memory&aggregate=project&datapoints=100"
SHORT = f"/api/stats/resource/?auth_url={KEYSTONE}"
GZIP = {"Accept-Encoding": "gzip, deflate"}


def sent(client: TestApp, url: str, method: str = "GET", **headers: str) -> Any:
    """Ask, and return the answer as it was sent: WebTest's would be unpacked."""
    return Request.blank(url, method=method, headers=headers).get_response(client.app)


@pytest.mark.parametrize("url", [LONG, "/openapi.json", "/openapi.json/"])
@pytest.mark.parametrize(
    "header", ["gzip", "GZIP", "gzip;q=0.5", "br, gzip;q=0.8, *;q=0.1", "deflate,gzip"]
)
def test_gzip_on_request_unpacks_to_the_same_bytes(
    filled_app: TestApp, url: str, header: str
) -> None:
    plain, packed = filled_app.get(url), sent(filled_app, url, **{"Accept-Encoding": header})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) < len(plain.body) // 2
    packed.decode_content()
    assert packed.body == plain.body
    assert packed.headers["ETag"] != plain.headers["ETag"]
    assert "Accept-Encoding" in packed.headers["Vary"]


@pytest.mark.parametrize(
    "header", ["", "identity", "gzip;q=0", "br", "*;q=0", "gzip;q=0.1, identity", "gzip;;q", "x-"]
)
def test_no_gzip_where_it_is_not_accepted(filled_app: TestApp, header: str) -> None:
    answer = sent(filled_app, LONG, **{"Accept-Encoding": header})
    assert "Content-Encoding" not in answer.headers
    assert json.loads(answer.body) == filled_app.get(LONG).json


def test_assets_of_the_page_are_compressed(filled_app: TestApp) -> None:
    urls = re.findall(r'(?:src|href)="(docs/[^"]+)"', filled_app.get("/docs").text)
    for url in ["/docs", "/docs/", *(f"/{url}" for url in urls)]:
        whole, packed = filled_app.get(url), sent(filled_app, url, **GZIP)
        if len(whole.body) < 1024:
            assert packed.body == whole.body
            continue
        assert gzip.decompress(packed.body) == whole.body
        assert packed.headers["ETag"] != whole.headers["ETag"]
        known = {"If-None-Match": packed.headers["ETag"]}
        assert sent(filled_app, url, **GZIP, **known).status_int == 304


def test_a_short_answer_stays_as_it_is(filled_app: TestApp) -> None:
    assert "Content-Encoding" not in sent(filled_app, SHORT, **GZIP).headers


def test_head_has_the_headers_of_get(filled_app: TestApp) -> None:
    head, whole = sent(filled_app, LONG, "HEAD", **GZIP), sent(filled_app, LONG, **GZIP)
    assert head.body == b""
    for name in ("Content-Encoding", "Content-Length", "ETag", "Vary"):
        assert head.headers[name] == whole.headers[name]


def test_the_same_bytes_every_time(filled_app: TestApp) -> None:
    bodies = {sent(filled_app, LONG, **GZIP).body for _ in range(3)}
    assert len(bodies) == 1
    assert gzip.decompress(bodies.pop())


@pytest.mark.parametrize("weak", ["", "W/"])
@pytest.mark.parametrize("asked", [{}, GZIP])
@pytest.mark.parametrize("had", [{}, GZIP])
def test_etag_of_either_form_is_answered_304(
    filled_app: TestApp, weak: str, asked: dict[str, str], had: dict[str, str]
) -> None:
    etag = weak + filled_app.get(LONG, headers=had).headers["ETag"]
    answer = filled_app.get(LONG, headers=asked | {"If-None-Match": etag}, status=304)
    assert answer.body == b""
    assert answer.headers["ETag"] == filled_app.get(LONG, headers=asked).headers["ETag"]


def test_its_etag_guards_a_write(writable_app: TestApp, store: Store) -> None:
    with store.transaction() as db:
        alpha = site(db)
        for number in range(60):
            alpha.project(f"p{number}", groups=["web"])
        alpha.discover()
    (entry,) = writable_app.get("/api/project-groups/").json["project_groups"]
    url = f"/api/project-groups/{entry['uuid']}/"
    etag = writable_app.get(url, headers=GZIP).headers["ETag"]
    assert etag.endswith('-gzip"')
    writable_app.patch_json(url, {"name": "db"}, headers={"If-Match": etag})
    writable_app.patch_json(url, {"name": "x"}, headers={"If-Match": etag}, status=412)
    changed = writable_app.get(url, headers=GZIP).headers["ETag"]
    writable_app.put_json(url, entry, headers={"If-None-Match": changed}, status=412)
