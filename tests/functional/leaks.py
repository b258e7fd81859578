"""Passwords and tokens where none may be: in whatever openstats' processes wrote in a session.

An installation tells where it is and which secrets it was given; in the end all files of all of
them are searched for all secrets, and for whatever has the form of a Keystone token.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

TOKEN = re.compile(rb"gAAAA[\w-]{20,}")
"""Fernet tokens begin with their version and the first bytes of a date; so do the double's."""

HOLDERS = ("clouds.yaml", "openstats.conf")
"""The files in which secrets belong."""

SHORTEST = 12
"""What is shorter may be an ordinary word that stands somewhere by chance: it is not looked for."""


def written(home: Path) -> Iterator[Path]:
    """Give the files of an installation, but for those in which secrets belong.

    Where a server of somebody else's keeps its own ones, it is in a directory below that is not
    hidden: openstats makes none.
    """
    for path in sorted(home.rglob("*")):
        top, *below = path.relative_to(home).parts
        own = not below or top.startswith(".")
        if own and top not in HOLDERS and path.is_file():
            yield path


def found(files: Iterable[Path], secrets: Iterable[str]) -> list[str]:
    """Say where a secret is, in a line each: file and place, and not the secret itself."""
    wanted = [*_forms(secrets), ("a token", TOKEN)]
    return [place for path in files for place in _places(path, wanted)]


def _places(path: Path, wanted: Iterable[tuple[str, re.Pattern[bytes]]]) -> Iterator[str]:
    held = path.read_bytes()
    for name, form in wanted:
        for match in form.finditer(held):
            line = held.count(b"\n", 0, match.start()) + 1
            yield f"{path}:{line}: {name}, at byte {match.start()}"


def _forms(secrets: Iterable[str]) -> Iterator[tuple[str, re.Pattern[bytes]]]:
    """Give what to look for: secrets as they are, and as they are in a URL."""
    for secret in sorted(set(secrets)):
        for spelled in sorted({secret, quote(secret, safe="")}):
            if len(secret) >= SHORTEST:
                form = re.compile(re.escape(spelled.encode()))
                yield f"a password of {len(secret)} characters", form


class Watch:
    """Which installations there were, and all their secrets."""

    def __init__(self) -> None:
        self.homes: set[Path] = set()
        self.secrets: set[str] = set()

    def add(self, home: Path, secrets: Iterable[str]) -> None:
        """Have an installation's files searched, and everybody's for its secrets."""
        self.homes.add(home)
        self.secrets.update(secrets)

    def leaks(self) -> list[str]:
        """Search, as ``found`` does."""
        files = (path for home in sorted(self.homes) for path in written(home))
        return found(files, self.secrets)


WATCH = Watch()
"""Of this session."""
