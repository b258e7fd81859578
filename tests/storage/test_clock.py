"""Whose clock decides leases."""

import time

import pytest

from openstats.storage import clock
from openstats.storage.clock import ServerClock
from openstats.storage.store import Store
from tests.conftest import Postgresql


def test_a_file_has_the_clock_of_its_machine(store: Store) -> None:
    assert (clock.clock_of(store) is time.time) == store.embedded


@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
def test_a_server_has_its_own(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    kind: str,
) -> None:
    with request.getfixturevalue(kind).store() as store:
        with monkeypatch.context() as changed:
            real = time.time
            changed.setattr(time, "time", lambda: real() + 240)
            ahead = ServerClock(store)
        assert abs(ahead() - time.time()) < 30
        assert "differs by -2" in caplog.text


def test_without_the_server_it_goes_on(postgres: Postgresql) -> None:
    with postgres.store() as store:
        uptime = [100.0]
        carried = ServerClock(store, lambda: uptime[0])
        before = carried()
        store.close()
    uptime[0] += 1000
    assert carried() == before + 1000
