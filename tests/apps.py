"""The application over a filled store, spoken to through HTTP only."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from webtest import TestApp

from openstats.storage.store import Store
from openstats.wsgi.app import make_app
from tests.api.receiving import loaded, sections
from tests.api.world import CLOCK, fill
from tests.conftest import Sqlite
from tests.postgresql import free_port

TestApp.__test__ = False
Api = Callable[..., Any]


@pytest.fixture(scope="session")
def app_on(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Store], Any]:
    """Return the application on a store, with a receiver of each kind; its clock stands still."""
    path = tmp_path_factory.mktemp("receivers") / "openstats.conf"
    conf = loaded(path, sections(prometheus={}, telemetry={"kind": "aodh"}))
    return lambda store: make_app(conf, store, clock=lambda: CLOCK)


def _receiving(store: Store, directory: Path) -> Api:
    """Return a maker of clients of the application on a store of the test's own.

    ``now`` is the time by its clock, which may be changed; ``alerts`` are options of [alerts].
    """

    def make(now: list[int] | None = None, alerts: Any = None, **receivers: Any) -> TestApp:
        conf = loaded(directory / f"{uuid4()}.conf", sections(alerts, **receivers))
        time = now or [CLOCK]
        return TestApp(make_app(conf, store, clock=lambda: time[0]))

    return make


@pytest.fixture
def receiving(sqlite: Sqlite, tmp_path: Path) -> Iterator[Api]:
    """Return a maker of applications with receivers on SQLite."""
    with sqlite.store() as store:
        yield _receiving(store, tmp_path)


@pytest.fixture
def either_receiving(store: Store, tmp_path: Path) -> Api:
    """Return a maker of applications with receivers on each kind of store, which is ``store``."""
    return _receiving(store, tmp_path)


@pytest.fixture(scope="session")
def filled_store(backend: Any) -> Iterator[Store]:
    """Yield a store that holds ``world`` and is only read."""
    with backend.store() as store:
        with store.transaction() as db:
            fill(db)
        yield store


@pytest.fixture(scope="session")
def filled_app(sqlite: Sqlite, app_on: Callable[[Store], Any]) -> Iterator[TestApp]:
    """Yield a client of the application on a filled store, where engines make no difference."""
    with sqlite.store() as store:
        with store.transaction() as db:
            fill(db)
        yield TestApp(app_on(store))


@pytest.fixture(scope="session")
def empty_app(sqlite: Sqlite, app_on: Callable[[Store], Any]) -> Iterator[TestApp]:
    """Yield a client of the application on a store in which nothing is registered."""
    with sqlite.store() as store:
        yield TestApp(app_on(store))


@pytest.fixture(scope="session")
def stored_app(filled_store: Store, app_on: Callable[[Store], Any]) -> TestApp:
    """Return a client of the application on a filled store of each kind."""
    return TestApp(app_on(filled_store))


@pytest.fixture
def writable_app(store: Store, app_on: Callable[[Store], Any]) -> TestApp:
    """Return a client of the application on a store that the test fills."""
    return TestApp(app_on(store))


@pytest.fixture
def unreachable_app(stores: Callable[[str], Store], app_on: Callable[[Store], Any]) -> TestApp:
    """Return a client of the application whose PostgreSQL does not listen."""
    url = f"postgresql+psycopg://me:secret@127.0.0.1:{free_port()}/openstats"
    return TestApp(app_on(stores(url)))
