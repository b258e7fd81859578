"""Where answers point to: paths, whatever stands in front."""

from pathlib import Path

import pytest
from webtest import TestApp

from openstats import conf
from openstats.http.proxies import trust_proxy
from openstats.wsgi.app import make_app
from tests.conftest import Sqlite

HEADERS = {"Host": "localhost"}
PREFIX = {"X-Forwarded-Prefix": "/openstats", "X-Forwarded-Proto": "https"}


@pytest.mark.parametrize(("enabled", "prefix"), [("true", "/openstats"), ("false", "")])
def test_a_prefix_is_that_of_a_proxy_that_is_trusted(
    sqlite: Sqlite, tmp_path: Path, enabled: str, prefix: str
) -> None:
    path = tmp_path / "openstats.conf"
    path.write_text(f"[oslo_middleware]\nenable_proxy_headers_parsing = {enabled}\n")
    with sqlite.store() as store:
        loaded = conf.load([str(path)])
        api = TestApp(trust_proxy(make_app(loaded, store), loaded))
        headers = HEADERS | PREFIX
        made = api.post_json("/api/customers/", {"name": "acme"}, headers=headers)
        assert made.headers["Location"] == f"{prefix}/api/customers/{made.json['uuid']}/"
        api.post_json("/api/customers/", {"name": "beta"}, headers=headers)
        ((link),) = api.get("/api/customers/?limit=1", headers=headers).json["links"]
        assert link["href"].startswith(f"{prefix}/api/customers/?limit=1&marker=")
        links = api.get("/", headers=headers).json["links"]
        assert [link["href"] for link in links] == [f"{prefix}/openapi.json", f"{prefix}/docs"]
