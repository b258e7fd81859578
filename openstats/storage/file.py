"""The file of an embedded store: creates it, and detects that it was replaced or removed.

SQLite would create the file with another mode, and goes on using a file that was deleted.
"""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from openstats.errors import StoreError

MODE = 0o640
"""The mode of a new file. SQLite creates its companion files with the mode of the main file."""

COMPANIONS = ("-wal", "-shm")

Identity = tuple[int, int]
"""The device and inode of a file."""


class FileError(StoreError):
    """The file of the store was removed."""

    title = "The file of the store is gone"


class StoreFile:
    """The file at a path; knows whether it is still the one that was opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._identity: Identity | None = None
        self._names = [f"{path}{suffix}" for suffix in ("", *COMPANIONS)]
        self._companions: dict[str, Identity | None] = {}
        self._lock = Lock()

    @property
    def missing(self) -> bool:
        """Whether the file does not exist and was never opened.

        Raises:
            StoreError: this user may not look at the path.
        """
        with self._translated_errors():
            return self._identity is None and _identity(self._names[0]) is None

    def was_replaced(self) -> bool:
        """Return whether the file was replaced since the last call; the first call may create it.

        Raises:
            FileError: the file was removed.
            StoreError: the file cannot be created or inspected.
        """
        with self._translated_errors():
            if self._identity is None:
                _make(self.path)
            identity = _identity(self._names[0])
        if identity is None:
            raise FileError(
                f"the store {self.path} was removed: put the file back, or make another one with "
                "'openstats db upgrade'"
            )
        with self._lock:
            replaced = self._identity not in (None, identity)
            self._identity = identity
            if not replaced:
                self._companions = {name: _identity(name) for name in self._names[1:]}
        return replaced

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise StoreError(
                f"the store {self.path} cannot be made: there is no directory {self.path.parent}; "
                "make it, or correct [database] connection"
            ) from error
        except OSError as error:
            raise StoreError(
                f"the store {self.path} cannot be opened: {error.filename}: {error.strerror}; set "
                f"[database] connection, or let the user {_user()} write there"
            ) from error

    def advice(self) -> str:
        """Return what to do if this user may not write the file or directory; empty if they may."""
        read_only: list[str] = []
        for path in (self.path, self.path.parent):
            if not os.access(path, os.W_OK, effective_ids=True):
                read_only.append(str(path))
        if not read_only:
            return ""
        return (
            f": the user {_user()}, who runs openstats, may not write {' and '.join(read_only)}; "
            "SQLite writes the file and others beside it. Let this user write both, or run "
            "openstats as the user who owns them"
        )

    def discard_companions(self) -> None:
        """Delete the replaced file's log files: SQLite would replay them into the new file."""
        for name, identity in self._companions.items():
            if identity is not None and _identity(name) == identity:
                Path(name).unlink(missing_ok=True)
        self._companions = {}


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _make(path: Path) -> None:
    # An existing file is never opened here: closing it would release the POSIX locks that SQLite
    # holds on it for this process.
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDONLY, MODE))


def _identity(name: str) -> Identity | None:
    # Called each time that the store is used: building a Path would take longer than the system
    # call.
    try:
        status = os.stat(name)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino
