"""The access log and the request id in every line, as oslo.log writes them."""

import io
import logging
from collections.abc import Iterator
from uuid import uuid4

import pytest
from oslo_config import cfg
from oslo_log import formatters, log
from webtest import TestApp

from tests.api.door import Door, token
from tests.conftest import Sqlite
from tests.double import Double
from tests.registry import site

ID = "req-11111111-2222-3333-4444-555555555555"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Give what oslo.log writes of openstats, at DEBUG."""
    conf = cfg.ConfigOpts()
    log.register_options(conf)
    conf([])
    text, logger = io.StringIO(), logging.getLogger("openstats")
    handler = logging.StreamHandler(text)
    handler.setFormatter(formatters.ContextFormatter(config=conf))
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield text
    logger.setLevel(level)
    logger.removeHandler(handler)


def test_a_request_leaves_a_line_with_its_id(filled_app: TestApp, lines: io.StringIO) -> None:
    answer = filled_app.get("/api/stats/customer/?with=uuid", extra_environ={"REMOTE_ADDR": "::1"})
    (line,) = lines.getvalue().splitlines()
    assert " INFO " in line
    assert f"[None {answer.headers['X-Openstack-Request-Id']}" in line
    size = answer.headers["Content-Length"]
    assert f'::1 noauth "GET /api/stats/customer/?with=uuid" 200, {size} bytes, ' in line
    assert line.endswith(" ms")


def test_an_answer_without_a_body_has_no_bytes(filled_app: TestApp, lines: io.StringIO) -> None:
    tag = filled_app.get("/api/stats/customer/").headers["ETag"]
    filled_app.get("/api/stats/customer/", headers={"If-None-Match": tag}, status=304)
    assert '" 304, 0 bytes, ' in lines.getvalue().splitlines()[-1]


def test_the_id_of_the_callers_request_stands_beside_ours(
    filled_app: TestApp, lines: io.StringIO
) -> None:
    answer = filled_app.get("/api/stats/customer/", headers={"X-Openstack-Request-Id": ID})
    own = answer.headers.getall("X-Openstack-Request-Id")
    assert len(own) == 1
    assert own != [ID]
    assert f"[{ID} {own[0]}" in lines.getvalue()


@pytest.mark.parametrize("odd", ["x", f"{ID} or else", f"{ID}\n2026-01-01 WARNING", "req-x"])
def test_an_odd_id_is_not_logged(filled_app: TestApp, lines: io.StringIO, odd: str) -> None:
    environ = {"HTTP_X_OPENSTACK_REQUEST_ID": odd}
    filled_app.get("/api/stats/customer/", extra_environ=environ)
    assert odd not in lines.getvalue()
    assert lines.getvalue().count("\n") == 1


def test_a_url_that_would_break_a_line_is_escaped(filled_app: TestApp, lines: io.StringIO) -> None:
    filled_app.get("/api/%0a2026-01-01%1b[2J", status=404)
    assert lines.getvalue().count("\n") == 1
    assert "\x1b" not in lines.getvalue()
    assert "/api/\\n2026-01-01\\x1b[2J" in lines.getvalue()


def test_a_health_check_is_logged_at_debug(filled_app: TestApp, lines: io.StringIO) -> None:
    filled_app.get("/healthcheck")
    assert " DEBUG " in lines.getvalue()


def test_failures_are_logged_under_the_request_id(
    unreachable_app: TestApp, lines: io.StringIO
) -> None:
    answer = unreachable_app.get("/api/stats/quota/", status=503)
    ident = answer.headers["X-Openstack-Request-Id"]
    assert answer.json["errors"][0]["request_id"] == ident
    error, access = lines.getvalue().splitlines()
    assert " ERROR " in error
    assert "does not answer" in error
    assert ident in error
    assert ident in access


@pytest.fixture
def keystone_app(sqlite: Sqlite, tmp_path, stores) -> Iterator[tuple[Door, TestApp]]:
    with Double() as keystone, sqlite.store() as store:
        with store.transaction() as db:
            site(db, auth_url=keystone.auth_url).project("shop").discover()
        door = Door(tmp_path, keystone, store)
        yield door, door.app()


def test_a_refused_token_and_a_known_caller_have_lines(
    keystone_app: tuple[Door, TestApp], lines: io.StringIO
) -> None:
    door, app = keystone_app
    refused = app.get("/api/stats/quota/", headers={"X-Auth-Token": uuid4().hex}, status=401)
    app.get("/api/stats/quota/", headers=door.hand(token("reader")))
    first, second = lines.getvalue().splitlines()
    assert refused.headers.getall("X-Openstack-Request-Id") == [
        refused.json["errors"][0]["request_id"]
    ]
    assert refused.json["errors"][0]["request_id"] in first
    assert ' - "GET /api/stats/quota/" 401, ' in first
    assert ' ann "GET /api/stats/quota/" 200, ' in second
