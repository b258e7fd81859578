"""Column types, and columns that many tables have."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, String, false, text

Uuid = String(36)
Time = BigInteger

FOREVER = 2**53
"""A time later than every other: the end of a period that is not over. In Unix seconds."""


class Url(String):
    """A URL in compared form (``openstats.auth_url``), or a text that takes its place.

    MariaDB holds its bytes, because it is part of keys: an index has no room for 1024 characters of
    another text.
    """

    def __init__(self) -> None:
        super().__init__(1024)

    def result_processor(self, _dialect: object, _kind: object) -> Callable[[Any], Any]:
        """Return a function that makes a text of what the driver returns."""
        return _decoded


def _decoded(value: str | bytes | None) -> str | None:
    return value.decode() if isinstance(value, bytes) else value


def identity() -> list[Column]:  # type: ignore[type-arg]
    """Return the columns ``id`` (for references in other tables) and ``uuid`` (for callers)."""
    return [
        Column("id", Integer, primary_key=True),
        Column("uuid", Uuid, nullable=False, unique=True),
    ]


def flag(name: str, *, key: str | None = None) -> Column[bool]:
    """Return a boolean column that is false by default; ``key`` is its name in the code."""
    return Column(name, Boolean, key=key or name, nullable=False, server_default=false())


def since(name: str) -> Column[int]:
    """Return a column for the time when a reference was set; 0: it held as long as is known."""
    return Column(name, Time, nullable=False, server_default=text("0"))


def reference(
    name: str, target: str, *, ondelete: str = "CASCADE", **options: object
) -> Column[int]:
    """Return a foreign key to a column of another table; ``options`` are those of Column."""
    return Column(name, Integer, ForeignKey(target, ondelete=ondelete), **options)  # type: ignore[arg-type]
