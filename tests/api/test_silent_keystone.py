"""A Keystone that accepts connections and says nothing: callers are told so, and soon."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from openstats.api.breaker import PAUSE, Breaker
from openstats.api.health import Health
from tests.api.door import Door
from tests.api.listening import replies, serving
from tests.conftest import Sqlite
from tests.double import Double


@pytest.fixture
def silent() -> Iterator[str]:
    """Listen, and answer nothing; give the URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v3"


def asked(path: str, *headers: str) -> bytes:
    lines = (f"GET {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers)
    return "\r\n".join((*lines, "", "")).encode()


def test_bogus_tokens_hold_nobody_up(
    sqlite: Sqlite, tmp_path: Path, options: Callable[..., Any], silent: str
) -> None:
    with Double() as keystone, sqlite.store() as store:
        limits = {"auth_url": silent, "http_connect_timeout": "1", "http_request_max_retries": "0"}
        app = Door(tmp_path, keystone, store).app(limits).app
        health = Health({"store": store.check})
        health.watched = True
        with serving(app, options, health, threads=1) as server:
            port = server.effective_port
            for number in range(8):
                (reply,) = replies(port, asked("/api/stats/quota/", f"X-Auth-Token: {number}"))
                assert reply.status == 503
                assert "retry-after" in reply.headers
                (reply,) = replies(port, asked("/healthcheck"))
                assert reply.status == 200


def test_there_is_a_bound_without_an_option(sqlite: Sqlite, tmp_path: Path) -> None:
    with Double() as keystone, sqlite.store() as store:
        given = _defaults(Door(tmp_path, keystone, store))
    assert given.http_connect_timeout == 5
    assert given.http_request_max_retries == 1


def _defaults(door: Door) -> Any:
    from openstats import conf
    from openstats.api.keystone import prepared

    door.app()
    (path,) = door.home.glob("*.conf")
    return prepared(conf.load([str(path)])).keystone_authtoken


def test_only_a_failure_that_took_long_opens_the_breaker() -> None:
    now = [0.0]
    breaker = Breaker(lambda: now[0])
    breaker.failed(0.0)
    assert not breaker.open
    now[0] = 2.0
    breaker.failed(0.0)
    assert breaker.open
    now[0] += PAUSE
    assert not breaker.open
