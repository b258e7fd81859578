"""The application over a filled store, spoken to through HTTP only."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from webtest import TestApp

from openstats.api.app import make_app
from openstats.storage.store import Store
from tests.api.world import CLOCK, fill
from tests.conftest import Sqlite

TestApp.__test__ = False
Api = Callable[..., Any]


@pytest.fixture(scope="session")
def app_on(options: Callable[..., Any]) -> Callable[[Store], Any]:
    """Make the WSGI application on a store; its clock stands still."""
    return lambda store: make_app(options(), store, clock=lambda: CLOCK)


@pytest.fixture(scope="session")
def filled_store(backend: Any) -> Iterator[Store]:
    """Give a store that holds ``world`` and is only read."""
    with backend.store() as store:
        with store.transaction() as db:
            fill(db)
        yield store


@pytest.fixture(scope="session")
def filled_app(sqlite: Sqlite, app_on: Callable[[Store], Any]) -> Iterator[Any]:
    """Give the application on SQLite, for what no store makes a difference to."""
    with sqlite.store() as store:
        with store.transaction() as db:
            fill(db)
        yield app_on(store)


@pytest.fixture(scope="session")
def empty_app(sqlite: Sqlite, app_on: Callable[[Store], Any]) -> Iterator[Any]:
    """Give the application on a store in which nothing is registered."""
    with sqlite.store() as store:
        yield app_on(store)


@pytest.fixture(scope="session")
def api(filled_store: Store, app_on: Callable[[Store], Any]) -> TestApp:
    """Give a client of the application on a filled store of each kind."""
    return TestApp(app_on(filled_store))


@pytest.fixture(scope="session")
def client(filled_app: Any) -> TestApp:
    return TestApp(filled_app)


@pytest.fixture(scope="session")
def empty(empty_app: Any) -> TestApp:
    return TestApp(empty_app)


@pytest.fixture
def own(store: Store, app_on: Callable[[Store], Any]) -> TestApp:
    """Give a client of the application on a store that the test fills."""
    return TestApp(app_on(store))
