"""The migrations, walked on each kind of store."""

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import event, inspect
from sqlalchemy.exc import IntegrityError

from openstats.errors import StoreError
from openstats.storage import dialects, migration
from openstats.storage.schema import tables as schema
from openstats.storage.store import Store
from tests.conftest import Mariadb


def tables(store: Store) -> set[str]:
    with store.read() as db:
        return set(inspect(db).get_table_names()) - {"alembic_version", dialects.LOCKS.name}


def test_head_is_what_the_code_works_with() -> None:
    config = Config()
    config.set_main_option("script_location", "openstats:storage/migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [schema.HEAD]


def test_upgrade_makes_every_table(empty_store: Store) -> None:
    migration.upgrade(empty_store)
    assert tables(empty_store) == set(schema.metadata.tables)
    empty_store.check()


def test_upgrade_downgrade_upgrade(empty_store: Store) -> None:
    migration.upgrade(empty_store)
    migration.downgrade(empty_store, "base")
    assert tables(empty_store) == set()
    migration.upgrade(empty_store)
    assert tables(empty_store) == set(schema.metadata.tables)


def test_upgrade_of_what_is_there_changes_nothing(store: Store) -> None:
    before = tables(store)
    migration.upgrade(store)
    assert tables(store) == before
    store.check()


def test_migrations_make_exactly_the_schema(store: Store) -> None:
    # Raises CommandError, naming what differs.
    assert migration.difference(store) is None


OF_0001 = """
INSERT INTO cloud VALUES (1, 'u1', 'alpha', 'http://k', 'one', 'http://k');
INSERT INTO customer (id, uuid, name) VALUES (1, 'u2', 'acme');
INSERT INTO project (id, uuid, name, customer_id) VALUES (1, 'u3', 'shop', 1);
INSERT INTO tenant (id, uuid, cloud_id, tenant_id, name, enabled, project_id)
    VALUES (1, 'u4', 1, 't1', 'shop', true, 1);
INSERT INTO quota (tenant_id, due_at, vcpu_limit) VALUES (1, 5, 8);
INSERT INTO instance VALUES (1, 'u5', 1, 'vm', 'ACTIVE', 2, 4096, 20, 7, 'hv', 9);
INSERT INTO job (cloud_id, kind, next_at) VALUES (1, 'quotas', 5)
"""
"""What a store of the first schema may hold."""


def rows(store: Store, query: str) -> list[tuple]:
    with store.read() as db:
        return [tuple(row) for row in db.exec_driver_sql(query)]


def test_data_outlive_upgrade_and_downgrade(empty_store: Store) -> None:
    migration.upgrade(empty_store, "0001")
    insert(empty_store, OF_0001)
    kept = {
        "SELECT uuid, vcpus, ram, disk, seen FROM instance": [("u5", 2, 4096, 20 * 1024, 9)],
        "SELECT tenant_id, project_id, project_since, slot FROM tenant": [("t1", 1, 0, None)],
        "SELECT name, customer_id, customer_since FROM project": [("shop", 1, 0)],
        "SELECT vcpu_limit FROM quota": [(8,)],
        "SELECT kind FROM job": [("quotas",)],
    }
    migration.upgrade(empty_store)
    assert {query: rows(empty_store, query) for query in kept} == kept
    migration.downgrade(empty_store, "0001")
    assert rows(empty_store, "SELECT disk FROM instance") == [(20,)]
    assert rows(empty_store, "SELECT vcpu_limit FROM quota") == [(8,)]


OF_0002 = """
INSERT INTO former_project VALUES (1, 3, 5, 1);
INSERT INTO meter_cursor VALUES (1, 'nova', '{}')
"""
"""What a store of the second schema may hold beside that."""


OF_0004 = """
INSERT INTO "grant" (id, uuid, subject, role, customer_id, created_at)
    VALUES (1, 'u6', 'jane', 'owner', 1, 5);
INSERT INTO audit VALUES (1, 'u7', 5, 'noauth', 'create', 'customer', 'u2', NULL, '{}', 'req-1');
UPDATE quota SET volume_types = '{}'
"""
"""And one of the fourth."""


def insert(store: Store, rows: str) -> None:
    with store.transaction() as db:
        for statement in rows.split(";"):
            db.exec_driver_sql(statement)


class _KilledError(Exception):
    """Ends an upgrade."""


def upgrade_until_killed(store: Store, revision: str, after: int) -> bool:
    """Upgrade, but end before the next statement after a number of changes; return whether done."""
    remaining = after

    def count(_db: object, _cursor: object, sql: str, *_: object) -> None:
        nonlocal remaining
        if sql.split(maxsplit=1)[0] in ("CREATE", "ALTER", "UPDATE", "INSERT", "DELETE"):
            remaining -= 1
            if remaining < 0:
                raise _KilledError

    event.listen(store.engine, "before_cursor_execute", count)
    try:
        migration.upgrade(store, revision)
    except _KilledError:
        return False
    finally:
        event.remove(store.engine, "before_cursor_execute", count)
    return True


def upgrade_killed_everywhere(store: Store, revision: str) -> int:
    """Upgrade, killed once after each change; return how often it was killed."""
    number, killed, revisions = 0, 0, stored_revisions(store)
    while not upgrade_until_killed(store, revision, number):
        killed += 1
        reached = stored_revisions(store)
        number = number + 1 if reached == revisions else 1
        revisions = reached
    return killed


def stored_revisions(store: Store) -> list[tuple]:
    try:
        return rows(store, "SELECT version_num FROM alembic_version")
    except StoreError:
        return []


def test_an_upgrade_that_was_killed_anywhere_runs_again_to_the_end(mariadb: Mariadb) -> None:
    with mariadb.empty() as store:
        assert upgrade_killed_everywhere(store, "0001") > 20
        insert(store, OF_0001)
        assert upgrade_killed_everywhere(store, "head") > 40
        assert rows(store, "SELECT vcpus, disk FROM instance") == [(2, 20 * 1024)]
        assert migration.difference(store) is None


def test_an_upgrade_from_the_release_before(empty_store: Store) -> None:
    for revision, rows_of in (("0001", OF_0001), ("0002", OF_0002), ("0004", OF_0004)):
        migration.upgrade(empty_store, revision)
        insert(empty_store, rows_of)
    migration.upgrade(empty_store)
    kept = {
        "SELECT since, until FROM former_project": [(3, 5)],
        "SELECT source, content FROM meter_cursor": [("nova", "{}")],
        "SELECT tenant_id, project_id FROM tenant": [("t1", 1)],
        'SELECT subject, role FROM "grant"': [("jane", "owner")],
        "SELECT who, action FROM audit": [("noauth", "create")],
        "SELECT vcpu_limit, volume_types FROM quota": [(8, "{}")],
        "SELECT count(*) FROM alert": [(0,)],
    }
    assert {query: rows(empty_store, query) for query in kept} == kept
    migration.downgrade(empty_store, "0004")
    assert rows(empty_store, 'SELECT subject FROM "grant"') == [("jane",)]
    migration.downgrade(empty_store, "0002")
    assert rows(empty_store, "SELECT content FROM meter_cursor") == [("{}",)]


OF_0005 = """
INSERT INTO tenant (id, uuid, cloud_id, tenant_id, name, enabled, project_id)
    VALUES (2, 'u8', 1, 't2', 'huge', true, 1);
INSERT INTO quota (tenant_id, due_at, compute_at, volume_at, vcpu_limit, vcpu_in_use, storage_limit)
    VALUES (2, 5, 6, 6, 9223372036854775807, 1, -1);
INSERT INTO provider (cloud_id, uuid, name, root, generation, disabled, read_at)
    VALUES (1, 'p1', 'hv1', 'p1', 1, false, 7), (1, 'p2', 'hv2', 'p2', 1, false, 7);
INSERT INTO inventory VALUES (1, 'p1', 'VCPU', 8, 0, 1e308, 0), (1, 'p2', 'VCPU', 8, 0, 16, 0)
"""
"""And one of the fifth, of a cloud whose figures cannot be."""


def test_an_upgrade_lets_go_of_figures_that_cannot_be_added(empty_store: Store) -> None:
    migration.upgrade(empty_store, "0001")
    insert(empty_store, OF_0001)
    migration.upgrade(empty_store, "0005")
    insert(empty_store, OF_0005)
    migration.upgrade(empty_store)
    query = (
        "SELECT tenant_id, vcpu_limit, vcpu_in_use, compute_at, due_at, storage_limit FROM quota"
    )
    known = {row[0]: row[1:] for row in rows(empty_store, query)}
    assert known == {1: (8, None, None, 5, None), 2: (None, None, None, 0, -1)}
    assert rows(empty_store, "SELECT provider FROM inventory") == [("p2",)]
    assert rows(empty_store, "SELECT uuid FROM provider WHERE read_at = 0") == [("p1",)]


def reading_key(store: Store) -> list[str]:
    with store.read() as db:
        return inspect(db).get_pk_constraint("reading")["constrained_columns"]


def test_readings_keep_their_rows_and_their_key_when_a_column_is_renamed(
    empty_store: Store,
) -> None:
    migration.upgrade(empty_store, "0001")
    insert(empty_store, OF_0001)
    migration.upgrade(empty_store, "0006")
    vector = "'\\x00'" if empty_store.url.get_backend_name() == "postgresql" else "x'00'"
    reading = f"INSERT INTO reading VALUES (1, 'cpu.used', {{}}, {vector}, {vector}, true)"
    insert(empty_store, reading.format(300))
    migration.upgrade(empty_store, "0007")
    query = "SELECT cloud_id, {}, at, totals, kept FROM reading"
    expected = [(1, "cpu.used", 300, b"\0", True)]
    assert rows(empty_store, query.format("meter")) == expected
    assert reading_key(empty_store) == ["cloud_id", "meter", "at"]
    with pytest.raises(IntegrityError):
        insert(empty_store, reading.format(300))
    migration.downgrade(empty_store, "0006")
    assert rows(empty_store, query.format("item")) == expected
    assert reading_key(empty_store) == ["cloud_id", "item", "at"]
