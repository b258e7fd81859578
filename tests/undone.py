"""A transaction whose writes are seen inside it only."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from openstats.storage.store import Database, Store


class _UndoneError(Exception):
    """Makes the transaction roll back."""


@contextmanager
def undone(store: Store) -> Iterator[Database]:
    """Open a transaction of the store that leaves nothing behind."""
    with suppress(_UndoneError), store.transaction() as connection:
        yield connection
        raise _UndoneError
