"""Stores for all tests: each backend is migrated once, and every store is a copy of that."""

import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from openstats import conf
from openstats.storage import migration
from openstats.storage.dialects import LOCK_NAMES
from openstats.storage.schema.tables import HEAD
from openstats.storage.store import Database, Store
from tests import mariadb, postgresql
from tests.edge import Edge
from tests.scheduling import pytest_xdist_make_scheduler  # noqa: F401 (pytest looks for it here)
from tests.undone import undone

BACKENDS = {"sqlite": "sqlite", "postgresql": "postgres", "mariadb": "mariadb"}
"""The fixtures of the kinds of stores."""
Making = Callable[[], AbstractContextManager[Store]]

# A first example on a busy machine may be slow; a fixture that every example leaves as it was
# is no danger.
settings.register_profile(
    "openstats",
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.load_profile("openstats")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgresql.Server]:
    """Start a PostgreSQL server; where there can be none, the tests that need it fail."""
    directory = tmp_path_factory.mktemp("postgresql")
    with postgresql.running(directory) as server:
        yield server
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def mariadb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mariadb.Server]:
    """Start a MariaDB server; where there can be none, the tests that need it fail."""
    directory = tmp_path_factory.mktemp("mariadb")
    with mariadb.running(directory) as server:
        yield server
    shutil.rmtree(directory)


@contextmanager
def opened(url: str) -> Iterator[Store]:
    store = Store(url)
    try:
        yield store
    finally:
        store.close()


class Sqlite:
    """Stores in files of one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.numbers = count()
        self.migrated = directory / "migrated.sqlite"
        with opened(f"sqlite:///{self.migrated}") as store:
            migration.upgrade(store)

    def _path(self) -> Path:
        return self.directory / f"{next(self.numbers)}.sqlite"

    @contextmanager
    def empty(self) -> Iterator[Store]:
        with opened(f"sqlite:///{self._path()}") as store:
            yield store

    @contextmanager
    def store(self) -> Iterator[Store]:
        path = self._path()
        shutil.copyfile(self.migrated, path)
        with opened(f"sqlite:///{path}") as store:
            yield store
        path.unlink()

    def disconnect(self, store: Store) -> None:
        """Do nothing: no server closes connections."""


class Postgresql:
    """Stores in databases of one server."""

    def __init__(self, server: postgresql.Server) -> None:
        self.server = server
        self.numbers = count()
        # As packages make them: lower() knows letters beyond ASCII.
        locale = "LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'"
        server.execute(f"CREATE DATABASE migrated TEMPLATE template0 ENCODING 'UTF8' {locale}")
        with opened(server.url("migrated")) as store:
            migration.upgrade(store)

    @contextmanager
    def _database(self, template: str) -> Iterator[Store]:
        name = f"store{next(self.numbers)}"
        self.server.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        with opened(self.server.url(name)) as store:
            yield store
        self.server.execute(f"DROP DATABASE {name}")

    def empty(self) -> AbstractContextManager[Store]:
        return self._database("template0")

    def store(self) -> AbstractContextManager[Store]:
        return self._database("migrated")

    def disconnect(self, store: Store) -> None:
        """Have the server close the connections of a store."""
        self.server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{store.url.database}'"
        )


class Mariadb:
    """Stores in databases of one server. Making tables takes long, so that databases are reused."""

    def __init__(self, server: mariadb.Server) -> None:
        self.server = server
        self.numbers = count()
        self.unused: list[str] = []
        server.execute("CREATE DATABASE migrated")
        with opened(server.url("migrated")) as store:
            migration.upgrade(store)
        self.tables = self._tables("migrated")

    def _tables(self, database: str) -> dict[str, str]:
        """Return the statements that make the tables of a database."""
        with self.server.connect(database) as connection:
            cursor = connection.cursor()
            cursor.execute("SHOW TABLES")
            definitions = {}
            for (name,) in cursor.fetchall():
                cursor.execute(f"SHOW CREATE TABLE `{name}`")
                definitions[name] = re.sub(" AUTO_INCREMENT=[0-9]+", "", cursor.fetchone()[1])
        return definitions

    def _new(self) -> str:
        name = f"store{next(self.numbers)}"
        self.server.execute(f"CREATE DATABASE {name}")
        return name

    def _migrated(self) -> str:
        if self.unused:
            return self.unused.pop()
        name = self._new()
        self._run(name, self.tables.values())
        self._empty(name)
        return name

    def _empty(self, name: str) -> None:
        statements = [f"DELETE FROM `{table}`" for table in self.tables]
        for table, definition in self.tables.items():
            if "AUTO_INCREMENT" in definition:
                statements.append(f"ALTER TABLE `{table}` AUTO_INCREMENT = 1")
        locks = ", ".join(f"('{lock}', 0)" for lock in LOCK_NAMES)
        statements.append(f"INSERT INTO advisory_lock (name, taken) VALUES {locks}")
        self._run(name, [*statements, f"INSERT INTO alembic_version VALUES ('{HEAD}')"])

    def _run(self, name: str, statements: Iterable[str]) -> None:
        with self.server.connect(name) as connection:
            cursor = connection.cursor()
            for statement in ("SET foreign_key_checks = 0", *statements):
                cursor.execute(statement)

    @contextmanager
    def empty(self) -> Iterator[Store]:
        name = self._new()
        with opened(self.server.url(name)) as store:
            yield store
        self.server.execute(f"DROP DATABASE {name}")

    @contextmanager
    def store(self) -> Iterator[Store]:
        name = self._migrated()
        with opened(self.server.url(name)) as store:
            yield store
        if self._tables(name) == self.tables:
            self._empty(name)
            self.unused.append(name)
        else:
            self.server.execute(f"DROP DATABASE {name}")

    def disconnect(self, store: Store) -> None:
        """Have the server close the connections of a store."""
        with self.server.connect("information_schema") as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT id FROM processlist WHERE db = %s", [store.url.database])
            for (number,) in cursor.fetchall():
                cursor.execute(f"KILL {number}")


@pytest.fixture(scope="session")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Sqlite:
    return Sqlite(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgres(server: postgresql.Server) -> Postgresql:
    return Postgresql(server)


@pytest.fixture(scope="session", name="mariadb")
def mariadb_stores(mariadb_server: mariadb.Server) -> Mariadb:
    return Mariadb(mariadb_server)


@pytest.fixture(scope="session", params=list(BACKENDS))
def backend(request: pytest.FixtureRequest) -> Any:
    """Each kind of store in turn."""
    return request.getfixturevalue(BACKENDS[request.param])


@pytest.fixture
def store(backend: Any) -> Iterator[Store]:
    """Give a migrated store of the test's own."""
    with backend.store() as store:
        yield store


@pytest.fixture
def empty_store(backend: Any) -> Iterator[Store]:
    """Give a store without any table."""
    with backend.empty() as store:
        yield store


@pytest.fixture(scope="session")
def shared_store(backend: Any) -> Iterator[Store]:
    """Give a migrated store in which nothing is ever kept."""
    with backend.store() as store:
        yield store


@pytest.fixture
def db(shared_store: Store) -> Iterator[Database]:
    """Give a transaction that is undone when the test ends: cheaper than a store of its own."""
    with undone(shared_store) as connection:
        yield connection


@pytest.fixture
def stores() -> Iterator[Callable[[str], Store]]:
    """Open stores by URL; they are closed when the test ends."""
    with ExitStack() as stack:
        yield lambda url: stack.enter_context(opened(url))


@pytest.fixture(scope="session")
def no_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give a configuration file that says nothing, so that the machine's own are not read."""
    path = tmp_path_factory.mktemp("conf") / "openstats.conf"
    path.touch()
    return str(path)


@pytest.fixture(scope="session")
def options(no_file: str) -> Callable[..., Any]:
    """Make a configuration of defaults and overrides, ``group__name=value``."""
    return lambda **overrides: conf.load([no_file], **overrides)


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch) -> Iterator[Edge]:
    """Give an edge through which everything in this process goes."""
    with Edge() as edge:
        for name, value in edge.environ().items():
            monkeypatch.setenv(name, value)
        yield edge
