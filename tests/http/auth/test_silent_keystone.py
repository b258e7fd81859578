"""What bounds the wait for a Keystone that is silent; tests/attacks tries it on a whole process."""

from pathlib import Path
from typing import Any

from openstats.http.auth.circuit_breaker import PAUSE, CircuitBreaker
from tests.api.door import Door
from tests.conftest import Sqlite
from tests.double import Double


def test_there_is_a_bound_without_an_option(sqlite: Sqlite, tmp_path: Path) -> None:
    with Double() as keystone, sqlite.store() as store:
        given = _defaults(Door(tmp_path, keystone, store))
    assert given.http_connect_timeout == 5
    assert given.http_request_max_retries == 1


def _defaults(door: Door) -> Any:
    from openstats import conf
    from openstats.http.auth.credential import declare_options

    door.app()
    (path,) = door.home.glob("*.conf")
    return declare_options(conf.load([str(path)])).keystone_authtoken


def test_only_a_failure_that_took_long_opens_the_breaker() -> None:
    now = [0.0]
    breaker = CircuitBreaker(lambda: now[0])
    breaker.note_failure(0.0)
    assert not breaker.open
    now[0] = 2.0
    breaker.note_failure(0.0)
    assert breaker.open
    now[0] += PAUSE
    assert not breaker.open
