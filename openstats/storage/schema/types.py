"""Types of columns, and columns that many tables have."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, String, false, text

Uuid = String(36)
Time = BigInteger

FOREVER = 2**53
"""Later than every time: until when lasts what is not over."""


def identity() -> list[Column]:  # type: ignore[type-arg]
    """Return the columns that identify a row: to other tables, and to everybody else."""
    return [
        Column("id", Integer, primary_key=True),
        Column("uuid", Uuid, nullable=False, unique=True),
    ]


def flag(name: str) -> Column[bool]:
    """Return a column that is false by default."""
    return Column(name, Boolean, nullable=False, server_default=false())


def since(name: str) -> Column[int]:
    """Return a column that says from when on a reference holds; 0: for as long as anybody knows."""
    return Column(name, Time, nullable=False, server_default=text("0"))


def reference(
    name: str, target: str, *, ondelete: str = "CASCADE", **options: object
) -> Column[int]:
    """Return a column that names a row of another table."""
    return Column(name, Integer, ForeignKey(target, ondelete=ondelete), **options)  # type: ignore[arg-type]
