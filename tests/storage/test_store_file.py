"""The file of an embedded store: where it is made, and what its user is told who may not use it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from openstats.errors import StoreError
from openstats.storage.store import Store
from tests.conftest import Sqlite

NOBODY = 65534

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@contextmanager
def as_nobody() -> Iterator[None]:
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_directory_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "mistyped" / "x.sqlite"
    with pytest.raises(StoreError, match=rf"there is no directory {path.parent}; make it, or"):
        Store(f"sqlite:///{path}").ping()
    assert not path.parent.exists()


@needs_root
def test_a_file_that_another_user_may_not_see_is_an_error_of_the_store(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir(0o700)
    store = Store(f"sqlite:///{hidden}/x.sqlite")
    with as_nobody(), pytest.raises(StoreError, match=r"Permission denied; .* the user nobody"):
        store.check()


@needs_root
def test_who_may_not_write_the_file_is_told_which_user_has_to(
    tmp_path: Path, sqlite: Sqlite
) -> None:
    for directory in (tmp_path, *tmp_path.parents):
        if directory.stat().st_uid == 0 and str(directory).startswith("/tmp/"):
            directory.chmod(0o755)
    path = tmp_path / "x.sqlite"
    path.write_bytes(sqlite.migrated.read_bytes())
    store = Store(f"sqlite:///{path}")
    words = f"the user nobody, who runs openstats, may not write {path} and {tmp_path}"
    with as_nobody(), pytest.raises(StoreError, match=words):
        store.check()
