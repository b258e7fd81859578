"""The store: what is kept, what is undone, and how it says that it cannot be used."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import IntegrityError

from openstats.errors import ConfigError, StoreError
from openstats.storage import migration
from openstats.storage.schema import tables
from openstats.storage.store import DeadlockError, Store
from tests.conftest import Mariadb, Sqlite, opened
from tests.mariadb import Server as MariadbServer
from tests.postgresql import free_port
from tests.undone import undone

Open = Callable[[str], Store]
CUSTOMER = {"uuid": "u", "name": "acme"}


def names(store: Store) -> list[str]:
    with store.read() as db:
        return list(db.scalars(select(tables.customer.c.name)))


def add(store: Store, **values: str) -> None:
    with store.transaction() as db:
        db.execute(insert(tables.customer).values(CUSTOMER | values))


def test_a_transaction_is_kept(store: Store) -> None:
    add(store)
    assert names(store) == ["acme"]


def test_a_transaction_that_raises_is_undone(store: Store) -> None:
    with undone(store) as db:
        db.execute(insert(tables.customer).values(CUSTOMER))
        assert db.scalar(select(tables.customer.c.name)) == "acme"
    assert names(store) == []


def test_read_transaction_sees_one_state(store: Store) -> None:
    add(store)
    with store.read() as db:
        before = db.scalar(select(tables.customer.c.name))
        with store.transaction() as other:
            other.execute(update(tables.customer).values(name="renamed"))
        assert db.scalar(select(tables.customer.c.name)) == before == "acme"
    assert names(store) == ["renamed"]


def test_writers_wait_for_one_another(store: Store) -> None:
    add(store)
    name = tables.customer.c.name

    def append() -> None:
        with store.transaction() as db:
            db.execute(update(tables.customer).values(name=name + "b"))

    with ThreadPoolExecutor(1) as pool:
        with store.transaction() as db:
            db.execute(update(tables.customer).values(name="a"))
            waiting = pool.submit(append)
        waiting.result(timeout=60)
    assert names(store) == ["ab"]


@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
def test_one_of_two_writers_that_wait_for_each_other_is_told_so(
    request: pytest.FixtureRequest, kind: str
) -> None:
    uuid, both_hold_one = tables.customer.c.uuid, Barrier(2)
    with request.getfixturevalue(kind).store() as store:
        add(store, uuid="a")
        add(store, uuid="b")

        def write(first: str, second: str) -> bool:
            try:
                with store.transaction() as db:
                    db.execute(update(tables.customer).where(uuid == first).values(name=first))
                    both_hold_one.wait(timeout=60)
                    db.execute(update(tables.customer).where(uuid == second).values(name=first))
            except DeadlockError:
                return False
            return True

        with ThreadPoolExecutor(2) as pool:
            written = list(pool.map(write, "ab", "ba"))
    assert sorted(written) == [False, True]


def test_our_own_mistakes_are_no_store_errors(store: Store) -> None:
    add(store)
    with pytest.raises(IntegrityError):
        add(store)


def test_a_reopened_store_leaves_the_connections_that_it_had(store: Store) -> None:
    with store.engine.connect() as connection:
        before = connection.connection.dbapi_connection
        store.reopen()
        with store.read() as db:
            assert db.connection.dbapi_connection is not before
            assert db.scalar(text("SELECT 1")) == 1
        assert connection.scalar(text("SELECT 2")) == 2
        connection.detach()


def test_foreign_keys_are_held(store: Store) -> None:
    with pytest.raises(IntegrityError), store.transaction() as db:
        db.execute(insert(tables.project).values(uuid="p", name="p", customer_id=1))


def test_a_migrated_store_is_fine(store: Store) -> None:
    store.check()
    store.ping()


def test_a_store_without_a_schema_says_what_to_do(empty_store: Store) -> None:
    with pytest.raises(StoreError, match=r"schema none .* 'openstats db upgrade'"):
        empty_store.check()


def test_an_older_schema_says_what_to_do(store: Store) -> None:
    with store.transaction() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    with pytest.raises(StoreError, match=rf"schema 0000 .* needs {tables.HEAD}"):
        store.check()


def test_a_downgraded_store_has_no_schema(store: Store) -> None:
    migration.downgrade(store, "base")
    with pytest.raises(StoreError, match="schema none"):
        store.check()


def test_tables_that_are_missing_are_a_store_error(empty_store: Store) -> None:
    with pytest.raises(StoreError):
        names(empty_store)


@pytest.mark.parametrize("driver", ["postgresql+psycopg", "mysql+pymysql"])
def test_a_server_that_is_down(stores: Open, driver: str) -> None:
    store = stores(f"{driver}://me:secret@127.0.0.1:{free_port()}/openstats")
    for use in (store.check, store.ping, lambda: names(store), lambda: add(store)):
        with pytest.raises(StoreError, match="does not answer") as raised:
            use()
        assert "secret" not in str(raised.value)


@pytest.mark.parametrize("server_name", ["server", "mariadb_server"])
def test_a_database_that_is_missing(
    request: pytest.FixtureRequest, stores: Open, server_name: str
) -> None:
    server = request.getfixturevalue(server_name)
    with pytest.raises(StoreError, match="no_such_database"):
        stores(server.url("no_such_database")).ping()


def test_a_password_that_is_wrong(mariadb_server: MariadbServer, stores: Open) -> None:
    url = f"mysql+pymysql://openstack:secret@127.0.0.1:{mariadb_server.port}/migrated"
    with pytest.raises(StoreError, match="does not answer: Access denied for user") as raised:
        stores(url).ping()
    assert "secret" not in str(raised.value)


def test_a_url_may_name_any_character_set(mariadb: Mariadb, stores: Open) -> None:
    with mariadb.store() as store:
        add(store, name="🏢")
        assert names(stores(f"{store.url}?charset=latin1")) == ["🏢"]


def test_connections_that_the_server_closed_are_made_anew(store: Store, backend: Any) -> None:
    add(store)
    backend.disconnect(store)
    assert names(store) == ["acme"]


def test_a_file_that_is_no_database(tmp_path: Path, stores: Open) -> None:
    path = tmp_path / "text.sqlite"
    path.write_text("This is not a database. " * 100)
    with pytest.raises(StoreError):
        stores(f"sqlite:///{path}").check()


def test_a_place_that_cannot_be_written(tmp_path: Path, stores: Open) -> None:
    with pytest.raises(StoreError):
        stores(f"sqlite:///{tmp_path}").check()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense:secret",
        "sqlite://",
        "sqlite:///:memory:",
        "mysql://me:secret@host/db",
        "postgresql://me:secret@host/db",
        "postgresql+psycopg://me:secret@host",
    ],
)
def test_other_urls_are_refused_in_words_that_hide_the_password(stores: Open, url: str) -> None:
    with pytest.raises(ConfigError, match="must be sqlite:///FILE") as raised:
        stores(url)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("sqlite:///{file}?foo=1", "foo after ? cannot be used: .* must be options of Python's"),
        ("sqlite:///{file}?timeout=abc", "timeout after ? cannot be used: could not convert"),
        ("{postgresql}?foo=1", 'foo after ? cannot be used: invalid connection option "foo"; must'),
        ("{mariadb}?sslmode=require", "sslmode after ? cannot be used: .* unexpected keyword"),
        (
            "{mariadb}?connect_timeout=abc",
            "connect_timeout after ? cannot be used: invalid literal",
        ),
        (
            "{mariadb}?ssl_ca=/nofile",
            "ssl_ca after ? cannot be used: No such file .* such as ssl_ca",
        ),
    ],
)
def test_options_that_a_driver_refuses_are_named(
    stores: Open, tmp_path: Path, url: str, sentence: str
) -> None:
    urls = {
        "file": tmp_path / "openstats.sqlite",
        "postgresql": "postgresql+psycopg://me:secret@127.0.0.1:1/openstats",
        "mariadb": "mysql+pymysql://me:secret@127.0.0.1:1/openstats",
    }
    pattern = sentence.replace("?", r"\?")
    with pytest.raises((ConfigError, StoreError), match=pattern) as raised:
        stores(url.format(**urls)).check()
    assert "secret" not in str(raised.value)


def test_its_name_hides_the_password(stores: Open) -> None:
    store = stores("postgresql+psycopg://me:secret@host/openstats")
    assert str(store) == "postgresql+psycopg://me:***@host/openstats"


VISITOR = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as other:
    other.execute("SELECT count(*) FROM customer")
other.close()
"""
"""Another process: when it closes, SQLite removes its log, unless others hold a lock."""


def test_a_second_store_of_a_file_leaves_the_locks_of_the_first(sqlite: Sqlite) -> None:
    with sqlite.store() as first:
        add(first)
        path = str(first.url.database)
        with opened(str(first.url)) as second:
            second.check()
            subprocess.run([sys.executable, "-c", VISITOR, path], check=True)
            assert Path(f"{path}-shm").exists()
            add(first, uuid="v", name="other")
            assert names(second) == ["acme", "other"]
