"""No use of the store takes longer than it may, and what changes under it is noticed."""

import re
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import insert, select, text

from openstats.errors import ConfigError, StoreError
from openstats.storage import migration
from openstats.storage.file import FileError
from openstats.storage.schema import tables
from openstats.storage.store import Database, SchemaError, Store, translated_errors
from openstats.storage.waits import Waits
from tests.attacks.stores import frozen_backends
from tests.conftest import Mariadb, Postgresql, Sqlite
from tests.postgresql import Server

SHORT = Waits(connect=1, pool=0.5, lock=0.3, use=0.5)
CUSTOMER = {"uuid": "u", "name": "acme"}


def names(store: Store) -> list[str]:
    with store.read() as db:
        return list(db.scalars(select(tables.customer.c.name)))


def add(store: Store) -> None:
    with store.transaction() as db:
        db.execute(insert(tables.customer).values(CUSTOMER))


@pytest.fixture
def short(store: Store) -> Iterator[Store]:
    """Give another way into ``store``, with short waits."""
    other = Store(store.url.render_as_string(hide_password=False), waits=SHORT)
    yield other
    other.close()


def test_a_writer_waits_for_another_one_for_a_while_only(store: Store, short: Store) -> None:
    with store.transaction() as db:
        db.execute(insert(tables.customer).values(CUSTOMER))
        with pytest.raises(StoreError):
            # PostgreSQL waits for whether the same uuid is kept.
            add(short)
        assert names(short) == []
    assert names(short) == ["acme"]


def test_a_table_that_is_locked_is_waited_for_for_a_while_only(
    postgres: Postgresql,
) -> None:
    with postgres.store() as store:
        short = Store(store.url.render_as_string(hide_password=False), waits=SHORT)
        with store.transaction() as db:
            db.execute(text("LOCK TABLE customer IN ACCESS EXCLUSIVE MODE"))
            with pytest.raises(StoreError, match="lock timeout"):
                names(short)
        assert names(short) == []
        short.close()


ENDLESS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
    "SELECT max(i) FROM n",
    "postgresql": "SELECT pg_sleep(60)",
    "mysql": "SELECT count(*) FROM seq_1_to_1000000 AS a JOIN seq_1_to_1000000 AS b",
}


def test_a_statement_that_takes_too_long_is_interrupted(short: Store) -> None:
    with pytest.raises(StoreError), short.read() as db:
        db.execute(text(ENDLESS[short.url.get_backend_name()]))
    assert names(short) == []


def test_a_server_that_is_frozen_is_not_waited_for(server: Server, postgres: Postgresql) -> None:
    """It holds the connection, and answers nothing: also not that a statement took too long."""
    with postgres.store() as store:
        database = str(store.url.database)
        short = Store(store.url.render_as_string(hide_password=False), waits=SHORT)
        with short.read() as db:
            db.execute(text("SELECT 1"))
            with frozen_backends(server, database), pytest.raises(StoreError):
                names_again(short, db)
        assert names(short) == []
        short.close()


def test_a_mariadb_that_is_frozen_is_not_waited_for(mariadb: Mariadb) -> None:
    with mariadb.store() as store:
        short = Store(store.url.render_as_string(hide_password=False), waits=SHORT)
        with short.read() as db:
            db.execute(text("SELECT 1"))
            with mariadb.server.frozen(), pytest.raises(StoreError):
                names_again(short, db)
        assert names(short) == []
        short.close()


def names_again(store: Store, db: Database) -> None:
    with translated_errors(store):
        db.execute(text("SELECT 2"))


def test_a_read_only_server_is_a_store_error(postgres: Postgresql) -> None:
    with postgres.store() as store:
        database = store.url.database
        postgres.server.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
        store.close()
        assert names(store) == []
        with pytest.raises(StoreError, match="read-only"):
            add(store)


def test_a_read_only_mariadb_is_a_store_error(mariadb: Mariadb) -> None:
    with mariadb.store() as store:
        mariadb.server.execute("SET GLOBAL read_only = on")
        try:
            assert names(store) == []
            with pytest.raises(StoreError, match="--read-only option"):
                add(store)
        finally:
            mariadb.server.execute("SET GLOBAL read_only = off")


def test_a_mariadb_that_allows_no_reading_is_a_store_error(
    mariadb: Mariadb, stores: Callable[[str], Store]
) -> None:
    account = "visitor@127.0.0.1"
    with mariadb.store() as store:
        mariadb.server.execute(f"CREATE USER {account}")
        try:
            mariadb.server.execute(f"GRANT INSERT ON {store.url.database}.* TO {account}")
            with pytest.raises(StoreError, match="SELECT command denied"):
                names(stores(str(store.url.set(username="visitor"))))
        finally:
            mariadb.server.execute(f"DROP USER {account}")


# -- the file


@pytest.fixture
def path(sqlite: Sqlite, tmp_path: Path) -> Path:
    return Path(shutil.copyfile(sqlite.migrated, tmp_path / "openstats.sqlite"))


@pytest.fixture
def open_file(path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{path}", waits=SHORT)
    store.check()
    add(store)
    yield store
    store.close()


def test_a_file_that_was_removed_is_missed(open_file: Store, path: Path) -> None:
    path.unlink()
    for use in (names, add, Store.check, Store.ping):
        with pytest.raises(FileError, match="removed"):
            use(open_file)
    assert not path.exists()


def test_a_file_that_was_replaced_is_opened(
    open_file: Store, path: Path, sqlite: Sqlite, caplog: pytest.LogCaptureFixture
) -> None:
    other = Path(shutil.copyfile(sqlite.migrated, path.with_suffix(".new")))
    other.rename(path)
    assert names(open_file) == []
    assert "was replaced" in caplog.text
    add(open_file)
    assert names(open_file) == ["acme"]


def test_a_file_that_is_no_store_is_not_used_in_its_place(open_file: Store, path: Path) -> None:
    with_suffix = path.with_suffix(".new")
    with_suffix.touch()
    with_suffix.rename(path)
    with pytest.raises(SchemaError, match="schema none"):
        names(open_file)
    with pytest.raises(SchemaError, match="schema none"):
        add(open_file)


def test_a_new_file_is_read_by_its_owner_and_group_only(
    tmp_path: Path, stores: Callable[[str], Store]
) -> None:
    (tmp_path / "new").mkdir()
    store = stores(f"sqlite:///{tmp_path}/new/openstats.sqlite")
    migration.upgrade(store)
    with store.transaction() as db:
        db.execute(insert(tables.customer).values(CUSTOMER))
        modes = {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "new").iterdir()}
    assert modes == {0o640}


def test_looking_makes_no_store(tmp_path: Path, stores: Callable[[str], Store]) -> None:
    with pytest.raises(SchemaError, match="run 'openstats db upgrade'"):
        stores(f"sqlite:///{tmp_path}/new/openstats.sqlite").check()
    assert not (tmp_path / "new").exists()


# -- the schema


def change_revision(store: Store, revision: str) -> None:
    other = Store(store.url.render_as_string(hide_password=False))
    with other.transaction() as db:
        db.execute(text(f"UPDATE alembic_version SET version_num = '{revision}'"))
    other.close()


def test_a_schema_that_changes_under_a_process_is_noticed(store: Store) -> None:
    store.check()
    add(store)
    change_revision(store, "9999")
    with pytest.raises(SchemaError, match="install a newer openstats"):
        add(store)
    with pytest.raises(SchemaError):
        store.check()
    change_revision(store, tables.HEAD)
    assert names(store) == ["acme"]


def test_a_newer_store_is_not_upgraded(store: Store) -> None:
    change_revision(store, "9999")
    with pytest.raises(StoreError, match="install a newer openstats"):
        migration.upgrade(store)


@pytest.mark.parametrize(
    ("driver", "module", "package"),
    [("postgresql+psycopg", "psycopg", "psycopg[binary]"), ("mysql+pymysql", "pymysql", "PyMySQL")],
)
def test_a_driver_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, driver: str, module: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError, match=re.escape(f"pip install '{package}'")):
        Store(f"{driver}://me@127.0.0.1/openstats")


def test_readers_do_not_wait_for_a_writer(path: Path) -> None:
    store = Store(f"sqlite:///{path}", waits=SHORT)
    written = Event()

    def write() -> None:
        with store.transaction() as db:
            db.execute(insert(tables.customer).values(CUSTOMER))
            assert written.wait(30)

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        for _ in range(40):
            assert names(store) == []
        written.set()
        writing.result(30)
    assert names(store) == ["acme"]
    store.close()
