"""What SQLite and PostgreSQL, or SQLAlchemy for them, spell differently."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Connection, Table, Text, bindparam, cast, func, select
from sqlalchemy.dialects import postgresql, sqlite

DIALECTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def upsert(db: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows, all with the same keys; where the primary key is there, the rest is replaced."""
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    statement = DIALECTS[db.dialect.name](table)
    replaced = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    db.execute(statement.on_conflict_do_update(index_elements=keys, set_=replaced), rows)


def add_missing(db: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Write those rows that are not there, be it that another transaction adds them just now."""
    if rows:
        db.execute(DIALECTS[db.dialect.name](table).on_conflict_do_nothing(), rows)


def numbers(dialect: str, name: str) -> Any:
    """Give a table with the column ``value``: the JSON list of whole numbers in a parameter."""
    given = bindparam(name, type_=Text)
    if dialect == "sqlite":
        return select(func.json_each(given).table_valued("value").c.value).cte(name)
    listed = func.json_array_elements_text(cast(given, postgresql.JSON)).table_valued("value")
    return select(cast(listed.c.value, BigInteger).label("value")).cte(name)
