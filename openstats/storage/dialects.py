"""Differences between SQLite, PostgreSQL and MariaDB, and between SQLAlchemy's dialects for them.

MySQL is spelled as MariaDB. ``engines`` has what connections to the engines need.
"""

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    CTE,
    JSON,
    BigInteger,
    Boolean,
    Cast,
    Column,
    ColumnElement,
    Connection,
    Float,
    FunctionFilter,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    String,
    Table,
    Text,
    bindparam,
    cast,
    event,
    func,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateTable
from sqlalchemy.sql.compiler import DDLCompiler, SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from openstats.storage.schema.types import Url

MARIADB = "mysql"
"""SQLAlchemy's name for the dialect of MariaDB and MySQL."""

CONFLICTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
"""INSERT with ON CONFLICT. MariaDB has ON DUPLICATE KEY UPDATE instead."""


# -- statements


def upsert(db: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, or replace those whose primary key exists; all rows have the same keys."""
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    names = [name for name in rows[0] if name not in keys]
    if db.dialect.name == MARIADB:
        insertion = mysql.insert(table)
        replaced = {name: insertion.inserted[name] for name in names}
        db.execute(insertion.on_duplicate_key_update(replaced), rows)
    else:
        statement = CONFLICTS[db.dialect.name](table)
        replaced = {name: statement.excluded[name] for name in names}
        db.execute(statement.on_conflict_do_update(index_elements=keys, set_=replaced), rows)


def add_missing(db: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert the rows that do not exist yet, even if another transaction inserts them just now."""
    if not rows:
        return
    if db.dialect.name == MARIADB:
        # INSERT IGNORE would ignore other errors as well.
        key = next(iter(table.primary_key))
        db.execute(mysql.insert(table).on_duplicate_key_update({key.name: key}), rows)
    else:
        db.execute(CONFLICTS[db.dialect.name](table).on_conflict_do_nothing(), rows)


def advisory_lock(db: Connection, name: str) -> None:
    """Take the lock of a name, and hold it until the transaction ends.

    SQLite needs no such lock: it has one writer at a time. MariaDB's GET_LOCK would reach one node
    of a Galera cluster only; two nodes that change the same row conflict.
    """
    if db.dialect.name == "postgresql":
        db.execute(select(func.pg_advisory_xact_lock(func.hashtext(name))))
    elif db.dialect.name == MARIADB:
        locking = update(LOCKS).where(LOCKS.c.name == name).values(taken=LOCKS.c.taken + 1)
        if not db.execute(locking).rowcount:
            raise ValueError(f"there is no lock {name}")


def server_time(db: Connection) -> float:
    """Return the time of the database server, in Unix seconds."""
    return float(db.scalar(text(_TIMES[db.dialect.name])) or 0)


_TIMES = {
    "postgresql": "SELECT extract(epoch FROM clock_timestamp())",
    MARIADB: "SELECT unix_timestamp(sysdate(6))",
}


def looks_up_constants(db: Connection) -> bool:
    """Return whether the least or greatest value in a range should be asked for by constants.

    MariaDB finds it in an index by one step then. If the bound of the range comes from another row,
    it reads the whole range.
    """
    return db.dialect.name == MARIADB


# -- lists as parameters


class JsonRows(FunctionElement[str]):
    """The elements of a JSON list as rows: a list of any length is one parameter."""

    inherit_cache = True
    # MariaDB cuts longer texts to this type. It is longer than any column, so that what was cut
    # equals nothing.
    mariadb_type = "VARCHAR(256) CHARACTER SET utf8mb4 COLLATE {collation}"


class JsonUrls(JsonRows):
    """A list of URLs."""

    inherit_cache = True
    mariadb_type = "VARCHAR(2049) CHARACTER SET utf8mb4 COLLATE {collation}"


class JsonNumbers(JsonRows):
    """A list of integers."""

    inherit_cache = True
    mariadb_type = "BIGINT"


@compiles(JsonRows, "sqlite")
def _compile_for_sqlite(element: JsonRows, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_each{compiler.process(element.clause_expr, **options)}"


@compiles(JsonRows, "postgresql")
def _compile_for_postgresql(element: JsonRows, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_array_elements_text{compiler.process(element.clause_expr, **options)}"


@compiles(JsonRows, MARIADB)
def _compile_for_mariadb(element: JsonRows, compiler: SQLCompiler, **options: Any) -> str:
    elements = compiler.process(element.clauses, **options)
    kind = element.mariadb_type.format(collation=_collation(compiler))
    return f"JSON_TABLE({elements}, '$[*]' COLUMNS (value {kind} PATH '$'))"


def one_of(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Return the condition that a column has one of the values of the list parameter ``name``."""
    return column.in_(_values(name, column.type))


def numbers(name: str) -> CTE:
    """Return a table of the integers in the list parameter ``name``, in the column ``value``."""
    return _values(name, BigInteger()).cte(name)


def _values(name: str, kind: TypeEngine[Any]) -> Select[tuple[Any]]:
    elements = bindparam(name, type_=JSON)
    if isinstance(kind, Integer):
        value = JsonNumbers(elements).table_valued("value").c.value
        return select(cast(value, kind).label("value"))
    rows = JsonUrls(elements) if isinstance(kind, Url) else JsonRows(elements)
    return select(rows.table_valued("value").c.value.label("value"))


# -- expressions


def constant(number: int) -> ColumnElement[int]:
    """Return an integer constant: part of the SQL text, not a parameter."""
    return literal_column(str(number), BigInteger)


def whole_sum(value: ColumnElement[Any]) -> ColumnElement[int]:
    """Return a sum as an integer; 0 for no rows.

    The sum of bigint is numeric in PostgreSQL and MariaDB; drivers return it as a Decimal.
    """
    return cast(func.coalesce(func.sum(value), 0), BigInteger)


class Quotient(FunctionElement[int]):
    """The quotient of two integers, without its fraction. MariaDB's ``/`` has a fraction."""

    inherit_cache = True
    type = BigInteger()


@compiles(Quotient)
def _quotient(element: Quotient, compiler: SQLCompiler, **options: Any) -> str:
    dividend, divisor = (compiler.process(clause, **options) for clause in element.clauses)
    operator = "DIV" if compiler.dialect.name == MARIADB else "/"
    return f"(({dividend}) {operator} ({divisor}))"


@compiles(FunctionFilter, MARIADB)
def _filter(element: FunctionFilter[Any], compiler: SQLCompiler, **options: Any) -> str:
    """Spell ``count(*) FILTER (WHERE …)``, which is the only aggregate that is filtered here."""
    condition = compiler.process(element.criterion, **options)  # type: ignore[arg-type]
    return f"{element.func.name}(CASE WHEN {condition} THEN 1 END)"


@compiles(Cast, MARIADB)
def _cast(element: Cast[Any], compiler: SQLCompiler, **options: Any) -> str:
    """Leave out a cast to boolean, which MariaDB does not have: it has integers instead."""
    if isinstance(element.type, Boolean):
        return compiler.process(element.clause, **options)
    sql: str = compiler.visit_cast(element, **options)  # type: ignore[no-untyped-call]
    return sql


# -- tables of MariaDB
#
# Texts compare by their bytes there, as they do in SQLite and PostgreSQL: case and trailing blanks
# count. The types without a length have no end at 64 KiB, and a float has 64 bits.


def prepare_migration(db: Connection) -> None:
    """Prepare MariaDB for the migrations that follow in this transaction."""
    if db.dialect.name != MARIADB:
        return
    LOCKS.create(db, checkfirst=True)
    add_missing(db, LOCKS, [{"name": name, "taken": 0} for name in LOCK_NAMES])
    if getattr(db.dialect, "is_mariadb", False):
        event.listen(db, "before_cursor_execute", _repeatable, retval=True)


LOCKS = Table(
    "advisory_lock",
    MetaData(),
    Column("name", String(32), primary_key=True),
    Column("taken", BigInteger, nullable=False),
)
"""The locks of ``advisory_lock``; only MariaDB has this table."""

LOCK_NAMES = ("alerts", "discovery", "registration")
"""All locks. Transactions that inserted the row of a lock at the same time would be a deadlock."""

_CREATION = re.compile(r"(CREATE TABLE|CREATE (?:UNIQUE )?INDEX|ALTER TABLE \S+ ADD COLUMN) ")
_RENAMING = re.compile(r"(ALTER TABLE \S+ CHANGE) ")


def _repeatable(
    _db: Connection, _cursor: object, sql: str, parameters: Any, *_: object
) -> tuple[str, Any]:
    """Return a statement that changes nothing if a migration that was killed has executed it."""
    sql = sql.lstrip()
    if creation := _CREATION.match(sql):
        sql = f"{creation[0]}IF NOT EXISTS {sql[creation.end() :]}"
    elif renaming := _RENAMING.match(sql):
        sql = f"{renaming[0]}IF EXISTS {sql[renaming.end() :]}"
    return sql, parameters


def _collation(compiler: DDLCompiler | SQLCompiler) -> str:
    is_mariadb = getattr(compiler.dialect, "is_mariadb", True)
    return "utf8mb4_nopad_bin" if is_mariadb else "utf8mb4_0900_bin"


@compiles(CreateTable, MARIADB)
def _table(element: CreateTable, compiler: DDLCompiler, **options: Any) -> str:
    definition = compiler.visit_create_table(element, **options)  # type: ignore[no-untyped-call]
    collation = _collation(compiler)
    return f"{definition.rstrip()} ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE {collation}"


@compiles(Url, MARIADB)
def _url(_element: Url, _compiler: object, **_options: Any) -> str:
    # Together with a column of 255 characters, this is what an index may hold: 3072 bytes.
    return "VARBINARY(2048)"


@compiles(Text, MARIADB)
def _text(_element: Text, _compiler: object, **_options: Any) -> str:
    return "LONGTEXT"


@compiles(LargeBinary, MARIADB)
def _binary(_element: LargeBinary, _compiler: object, **_options: Any) -> str:
    return "LONGBLOB"


@compiles(Float, MARIADB)
def _float(_element: Float[Any], _compiler: object, **_options: Any) -> str:
    return "DOUBLE"
