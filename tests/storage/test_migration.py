"""The migrations, walked on both kinds of store."""

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from openstats.storage import migration, schema
from openstats.storage.store import Store


def tables(store: Store) -> set[str]:
    with store.read() as db:
        return set(inspect(db).get_table_names()) - {"alembic_version"}


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
