"""Insert, or update or leave what is there: the one statement that SQLAlchemy spells twice."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table
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
