"""Prepared statements: compiled once and passed directly to the driver, for use in every request.

For a small query, SQLAlchemy's execution takes several times as long as the database. Writes and
rare queries go through SQLAlchemy.
"""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import SelectBase
from sqlalchemy.exc import DBAPIError

from openstats.storage.store import Database

Statement = tuple[str, list[str] | None, dict[str, object]]
"""The SQL, the names of its parameters in order (None: the driver takes them by name), and the
values of its constants."""


class Prepared:
    """A statement that is compiled once for each dialect.

    Its rows are plain tuples of the driver's own types: integers, texts and bytes. List parameters
    are those of ``dialects.one_of`` and ``dialects.numbers``, which take JSON; a statement with a
    parameter that SQLAlchemy would expand to one placeholder for each value cannot be prepared.
    """

    def __init__(self, statement: SelectBase) -> None:
        self._statement = statement
        self._compiled: dict[str, Statement] = {}

    def rows(self, db: Database, values: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """Return all rows; ``values`` are the parameters by name.

        Raises:
            DBAPIError: as SQLAlchemy raises it.
        """
        driver = db.dialect.loaded_dbapi
        sql, names, constants = self._compiled.get(db.dialect.name) or self._compile(db)
        parameters = constants | {name: _plain(value) for name, value in values.items()}
        arguments = parameters if names is None else [parameters[name] for name in names]
        try:
            cursor = db.connection.cursor()
            cursor.execute(sql, arguments)
            return list(cursor.fetchall())
        except driver.Error as error:
            raise DBAPIError.instance(sql, None, error, driver.Error, dialect=db.dialect) from error

    def row(self, db: Database, values: Mapping[str, object]) -> tuple[Any, ...]:
        """Return the only row.

        Raises:
            DBAPIError: as SQLAlchemy raises it.
            ValueError: there is no row, or more than one.
        """
        (row,) = self.rows(db, values)
        return row

    def _compile(self, db: Database) -> Statement:
        compiled = self._statement.compile(dialect=db.dialect)
        if compiled.post_compile_params:
            raise TypeError(f"spelled out for each value: {compiled.post_compile_params}")
        required = {bind.key for bind in compiled.binds.values() if bind.required}
        constants = {n: value for n, value in compiled.params.items() if n not in required}
        self._compiled[db.dialect.name] = prepared = str(compiled), compiled.positiontup, constants
        return prepared


def _plain(value: object) -> object:
    return json.dumps(value) if isinstance(value, list) else value
