"""The file of an embedded store: where it is made, and what its user is told who may not use it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from openstats.errors import StoreError
from openstats.storage.store import Store
from tests.conftest import Sqlite
from tests.unprivileged import unprivileged


@pytest.fixture
def visible() -> Iterator[Path]:
    """Give a directory that other users see: pytest's own are for its user alone."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


def test_a_directory_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "mistyped" / "x.sqlite"
    with pytest.raises(StoreError, match=rf"there is no directory {path.parent}; make it, or"):
        Store(f"sqlite:///{path}").ping()
    assert not path.parent.exists()


def test_a_file_that_another_user_may_not_see_is_an_error_of_the_store(visible: Path) -> None:
    hidden = visible / "hidden"
    hidden.mkdir()
    store = Store(f"sqlite:///{hidden}/x.sqlite")
    hidden.chmod(0)
    words = "Permission denied; .* the user "
    with unprivileged() as user, pytest.raises(StoreError, match=words + user):
        store.check()
    hidden.chmod(0o700)


def test_unwritable_file_names_the_user_who_may(visible: Path, sqlite: Sqlite) -> None:
    path = visible / "x.sqlite"
    path.write_bytes(sqlite.migrated.read_bytes())
    path.chmod(0o444)
    visible.chmod(0o555)
    store = Store(f"sqlite:///{path}")
    with unprivileged() as user, pytest.raises(StoreError) as refused:
        store.check()
    visible.chmod(0o755)
    words = f"the user {user}, who runs openstats, may not write {path} and {visible}"
    assert words in str(refused.value)
