"""Installations that outlast a test: a service is attacked again and again."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from openstats.storage import migration
from tests import postgresql
from tests.api.door import CREDENTIAL, token
from tests.api.receiving import sections
from tests.attacks.service import READY, Service, served
from tests.cli.installation import Installation
from tests.conftest import Postgresql, Sqlite, opened
from tests.double import ADMIN_PROJECT, Double, Size, populate
from tests.edge import Edge
from tests.postgresql import Server

SIZE = Size(projects=3, servers=6, volumes=3, hypervisors=1)

WAITS = {"connect_timeout": 1, "pool_timeout": 1, "lock_timeout": 1, "request_timeout": 1.2}
LIMITS = {
    "request_timeout": 1.5,
    "head_timeout": 1,
    "body_timeout": 1,
    "idle_timeout": 1,
    "send_timeout": 1,
    "connections": 150,
}


def installation(directory: Path, sqlite: Sqlite, **environ: str) -> Installation:
    """Make one with a store, a receiver, and short deadlines."""
    files = {"OS_CLIENT_CONFIG_FILE": str(directory / "clouds.yaml"), "HOME": str(directory)}
    made = Installation(directory, None, **files | environ)
    shutil.copyfile(sqlite.migrated, made.store)
    made.configure("api", collect="false", **LIMITS)
    made.configure("database", **WAITS)
    for group, options in sections(am={}).items():
        made.configure(group, **options)
    return made


@pytest.fixture(scope="module")
def on_sqlite(sqlite: Sqlite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Serve from a file."""
    with served(installation(tmp_path_factory.mktemp("sqlite"), sqlite)) as service:
        yield service


@pytest.fixture(scope="module")
def database(postgres: Postgresql) -> Iterator[str]:
    """Give a migrated database of PostgreSQL by its name."""
    with postgres.store() as store:
        store.close()
        yield str(store.url.database)


@pytest.fixture(scope="module")
def on_postgresql(
    postgres: Postgresql,
    database: str,
    sqlite: Sqlite,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Service]:
    """Serve from PostgreSQL, and ask a cloud each second."""
    made = installation(tmp_path_factory.mktemp("postgresql"), sqlite)
    made.configure("database", connection=postgres.server.url(database))
    with collecting(made) as service:
        yield service


@contextmanager
def collecting(made: Installation) -> Iterator[Service]:
    """Serve, and ask a cloud each second."""
    made.configure("api", collect="true")
    made.configure("collector", capacity_interval=1, retry_interval=1)
    with Double() as cloud:
        populate(cloud, SIZE)
        made.clouds(alpha=cloud.clouds_entry())
        with served(made, READY) as service:
            yield service


@dataclass(frozen=True)
class Doubled:
    """A service whose store is on two servers, of which one takes writes."""

    service: Service
    primary: Server
    standby: Server


@pytest.fixture
def doubled(sqlite: Sqlite, tmp_path: Path) -> Iterator[Doubled]:
    """Serve from whichever server takes writes, as libpq finds out."""
    made = installation(tmp_path, sqlite)
    with postgresql.running(tmp_path / "primary") as primary:
        primary.execute("CREATE DATABASE openstats")
        with opened(primary.url("openstats")) as store:
            migration.upgrade(store)
        with postgresql.standby(primary, tmp_path / "standby") as standby:
            hosts = "&".join(f"host=127.0.0.1:{server.port}" for server in (primary, standby))
            url = "postgresql+psycopg://openstack@/openstats"
            made.configure("database", connection=f"{url}?{hosts}&target_session_attrs=read-write")
            with collecting(made) as service:
                yield Doubled(service, primary, standby)


@dataclass(frozen=True)
class Guarded:
    """A service that knows its callers by Keystone's tokens, and the way to that Keystone."""

    service: Service
    keystone: Double
    edge: Edge

    def hand(self) -> str:
        """Have Keystone know one more token of an admin, and return it."""
        key = f"gAAAAA{uuid4().hex}"
        self.keystone.site.handed[key] = token("admin", project=ADMIN_PROJECT)
        return key


@pytest.fixture(scope="module")
def guarded(sqlite: Sqlite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Serve behind auth_token, with its own waits for Keystone."""
    with Double() as keystone, Edge() as edge:
        made = installation(tmp_path_factory.mktemp("guarded"), sqlite, **edge.environ())
        made.configure("api", auth_strategy="keystone")
        made.configure("keystone_authtoken", **CREDENTIAL, auth_url=keystone.auth_url)
        with served(made) as service:
            yield Guarded(service, keystone, edge)
