"""Column types, and columns that many tables have."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, String, false, text

Uuid = String(36)
Time = BigInteger

FOREVER = 2**53
"""A time later than every other: the end of a period that is not over. In Unix seconds."""


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
