"""Runs migrations of the store's schema and creates new ones; ``migrations/`` holds them."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from openstats.storage import dialects
from openstats.storage.store import Store


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option(
        "script_location", str(Path(__file__).parent / "migrations").replace("%", "%%")
    )
    config.attributes["connection"] = connection
    return config


def upgrade(store: Store, revision: str = "head") -> None:
    """Run the migrations up to a revision, in one transaction.

    MariaDB commits each change of a table by itself. A migration that was killed halfway there can
    be run again: changes that were made are left out.

    Raises:
        StoreError: the store has the schema of a newer openstats.
    """
    store.refuse_newer()
    with store.transaction() as connection:
        dialects.prepare_migration(connection)
        command.upgrade(_config(connection), revision)


def downgrade(store: Store, revision: str) -> None:
    """Run the migrations down to a revision, in one transaction."""
    with store.transaction() as connection:
        command.downgrade(_config(connection), revision)


def difference(store: Store) -> None:
    """Raise alembic's CommandError unless the migrations produce exactly ``schema.metadata``."""
    with store.read() as connection:
        command.check(_config(connection))


def create(store: Store, message: str, revision: str) -> None:
    """Write a new migration file from the difference between the store and ``schema.metadata``."""
    with store.read() as connection:
        command.revision(_config(connection), message, autogenerate=True, rev_id=revision)
