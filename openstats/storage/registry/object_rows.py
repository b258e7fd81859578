"""Rows of customers, project groups or projects set by hand: changed in memory, then written.

What differs from what discovery found counts as set by hand, and discovery does not change it: each
such column has a flag. A row is a dict of columns; a new row has no ``id`` until it is written.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table, bindparam, insert, select, update

from openstats.discovery import Origin
from openstats.errors import ConflictError
from openstats.names import cleaned
from openstats.storage import ownership
from openstats.storage.dialects import one_of
from openstats.storage.registry import moves
from openstats.storage.schema import tables
from openstats.storage.store import Database

ObjectRow = dict[str, Any]
"""A customer, project group or project, by column."""

RowColumns = Mapping[str, Any]
"""Some columns of a row, by name."""

EXISTING: ObjectRow = {"deleted_at": None, "vanished": False}
"""The values of an object that exists, or exists again."""

FLAGS = {"name": "name_by_hand", "customer_id": "customer_by_hand"}
"""The flag of each column that discovery leaves alone once it was set by hand."""


class ObjectRows:
    """Rows of a table as stored and as they will be: all rows, or the one with a given uuid.

    Call ``put`` for each object, then ``write``, which writes all of them in few statements.
    """

    def __init__(self, db: Database, table: Table, now: int, uuid: str | None = None) -> None:
        self.table, self.now = table, now
        statement = select(table) if uuid is None else select(table).where(table.c.uuid == uuid)
        self._stored: dict[int, ObjectRow] = {}
        self._rows: list[ObjectRow] = []
        self._by_uuid: dict[str, ObjectRow] = {}
        self._by_origin: dict[Origin, ObjectRow] = {}
        for stored in db.execute(statement).mappings():
            self._stored[stored["id"]] = dict(stored)
            self._append(dict(stored))

    def put(self, columns: RowColumns) -> ObjectRow:
        """Set columns of the object that has this uuid, or else this origin; return its row.

        If there is none, the object is new. The origin connects objects of an exported registry
        with those that discovery has found since.

        Raises:
            ConflictError: another object has this origin.
        """
        origin = _origin(columns)
        row = self._by_uuid.get(columns["uuid"])
        of_origin = self._by_origin.get(origin) if origin else None
        if row is None:
            row = of_origin
        elif of_origin is not None and of_origin is not row:
            raise ConflictError("two objects cannot have the same uuid or origin")
        if row is None:
            return self._append(_new_row(self.table, columns, self.now))
        self._change(row, _changed_columns(self.table, row, columns))
        return row

    def _append(self, row: ObjectRow) -> ObjectRow:
        self._rows.append(row)
        self._index(row)
        return row

    def _change(self, row: ObjectRow, columns: RowColumns) -> None:
        """Change a row, and index it under its new uuid and origin."""
        del self._by_uuid[row["uuid"]]
        if origin := _origin(row):
            self._by_origin.pop(origin, None)
        row.update(columns)
        self._index(row)

    def _index(self, row: ObjectRow) -> None:
        self._by_uuid[row["uuid"]] = row
        if origin := _origin(row):
            self._by_origin[origin] = row

    def write(self, db: Database) -> None:
        """Write the rows that are new or changed; projects move as of now."""
        changed_rows = self._changed_rows()
        new_rows = [row for row in self._rows if "id" not in row]
        self._move_projects(db, changed_rows)
        # Updates come first: they may free uuids and origins that new rows use.
        self._update(db, changed_rows)
        self._insert(db, new_rows)
        for row in (*changed_rows, *new_rows):
            self._stored[row["id"]] = dict(row)

    def _changed_rows(self) -> list[ObjectRow]:
        return [row for row in self._rows if "id" in row and row != self._stored[row["id"]]]

    def _move_projects(self, db: Database, rows: list[ObjectRow]) -> None:
        if self.table is not tables.project:
            return
        owners: dict[int, int | None] = {}
        for row in rows:
            if row["customer_id"] != self._stored[row["id"]]["customer_id"]:
                owners[row["id"]] = row["customer_id"]
        moves.move(db, ownership.PROJECTS, owners, self.now)

    def _update(self, db: Database, rows: list[ObjectRow]) -> None:
        if rows:
            statement = update(self.table).where(self.table.c.id == bindparam("row"))
            db.execute(statement, [_settable(row) | {"row": row["id"]} for row in rows])

    def _insert(self, db: Database, rows: list[ObjectRow]) -> None:
        if not rows:
            return
        db.execute(insert(self.table), rows)
        uuids = [row["uuid"] for row in rows]
        columns = select(self.table.c.uuid, self.table.c.id)
        query = columns.where(one_of(self.table.c.uuid, "uuids"))
        for uuid, row_id in db.execute(query, {"uuids": uuids}):
            self._by_uuid[uuid]["id"] = row_id


def _origin(columns: RowColumns) -> Origin | None:
    keystone = columns["keystone"]
    return None if keystone is None else Origin(keystone, columns["keystone_id"])


def _settable(row: ObjectRow) -> ObjectRow:
    """Return the columns that are written here, without ``customer_since``: ``moves`` writes it."""
    columns = dict(row)
    del columns["id"]
    columns.pop(ownership.PROJECTS.since.name, None)
    return columns


def _new_row(table: Table, columns: RowColumns, now: int) -> ObjectRow:
    """Return the row of a new object; without an origin, all its columns count as set by hand."""
    is_by_hand = columns["keystone"] is None
    flags = dict.fromkeys(_flags(table, columns).values(), is_by_hand)
    return {"created_at": now, **columns, **flags, **EXISTING, "undated": False}


def _flags(table: Table, columns: RowColumns) -> dict[str, str]:
    """Return the flags that a table has for these columns."""
    return {name: FLAGS[name] for name in FLAGS if name in columns and FLAGS[name] in table.c}


def _changed_columns(table: Table, row: ObjectRow, columns: RowColumns) -> ObjectRow:
    """Return the columns of a row that change when these columns are set."""
    changes = {**columns, **EXISTING}
    if columns.get("name") == cleaned(row["name"]):
        # An export cleans names, because a name from a cloud may hold characters that no document
        # may.
        changes["name"] = row["name"]
    for name, flag in _flags(table, columns).items():
        changes[flag] = row[flag] or changes[name] != row[name]
    if columns["keystone"] is None:
        # The origin stays, so that discovery still recognizes the object.
        del changes["keystone"], changes["keystone_id"]
    is_redated = columns.get("created_at", row["created_at"]) != row["created_at"]
    changes["undated"] = row["undated"] and not is_redated
    return changes
