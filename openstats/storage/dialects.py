"""Differences between SQLite and PostgreSQL, and between SQLAlchemy's dialects for them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    CTE,
    JSON,
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    Select,
    Table,
    bindparam,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

DIALECTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def upsert(db: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, or replace those whose primary key exists; all rows have the same keys."""
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    statement = DIALECTS[db.dialect.name](table)
    replaced = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    db.execute(statement.on_conflict_do_update(index_elements=keys, set_=replaced), rows)


def add_missing(db: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert the rows that do not exist yet, even if another transaction inserts them just now."""
    if rows:
        db.execute(DIALECTS[db.dialect.name](table).on_conflict_do_nothing(), rows)


class JsonRows(FunctionElement[str]):
    """The elements of a JSON list as rows: a list of any length is one parameter."""

    inherit_cache = True


@compiles(JsonRows, "sqlite")
def _compile_for_sqlite(element: JsonRows, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_each{compiler.process(element.clause_expr, **options)}"


@compiles(JsonRows, "postgresql")
def _compile_for_postgresql(element: JsonRows, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_array_elements_text{compiler.process(element.clause_expr, **options)}"


def constant(number: int) -> ColumnElement[int]:
    """Return an integer constant: part of the SQL text, not a parameter."""
    return literal_column(str(number), BigInteger)


def whole_sum(value: ColumnElement[Any]) -> ColumnElement[int]:
    """Return a sum as an integer; 0 for no rows.

    PostgreSQL's sum of bigint is numeric, which the driver returns as a Decimal.
    """
    return cast(func.coalesce(func.sum(value), 0), BigInteger)


def one_of(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Return the condition that a column has one of the values of the list parameter ``name``."""
    return column.in_(_values(name, column.type))


def numbers(name: str) -> CTE:
    """Return a table of the integers in the list parameter ``name``, in the column ``value``."""
    return _values(name, BigInteger()).cte(name)


def _values(name: str, kind: TypeEngine[Any]) -> Select[tuple[Any]]:
    value = JsonRows(bindparam(name, type_=JSON)).table_valued("value").c.value
    return select((cast(value, kind) if isinstance(kind, Integer) else value).label("value"))
