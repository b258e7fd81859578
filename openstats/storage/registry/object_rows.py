"""Rows of customers, project groups or projects, set by hand: looked up and written all at once.

What differs from what discovery found was set by hand, and discovery leaves it alone.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table, bindparam, insert, select, update

from openstats.errors import ConflictError
from openstats.names import cleaned
from openstats.storage import ownership
from openstats.storage.registry import moves
from openstats.storage.schema import tables

Row = dict[str, Any]
Values = Mapping[str, Any]

THERE: Row = {"deleted_at": None, "vanished": False}
"""What is written of an object that exists, or exists again."""

BY_HAND = {"name": "name_by_hand", "customer_id": "customer_by_hand"}


class ObjectRows:
    """Rows of a table as they are to be: changed in memory, and then written in few statements.

    They are all rows, or the one of a uuid.
    """

    def __init__(self, db: Connection, table: Table, now: int, uuid: str | None = None) -> None:
        self.table, self.now = table, now
        chosen = select(table) if uuid is None else select(table).where(table.c.uuid == uuid)
        self._stored: dict[int, Row] = {}
        self._by_uuid: dict[str, Row] = {}
        self._by_origin: dict[tuple[str, str], Row] = {}
        self._rows: list[Row] = []
        for row in db.execute(chosen).mappings():
            self._stored[row["id"]] = dict(row)
            self._add({}, dict(row))

    def get(self, uuid: str) -> Row | None:
        """Return the row of an object that exists; None where there is none."""
        row = self._by_uuid.get(uuid)
        return row if row and row["deleted_at"] is None else None

    def put(self, values: Values) -> Row:
        """Set an object by uuid, or else by origin, and return its row; it has an id once written.

        So a registry that was exported meets what discovery has found since.

        Raises:
            ConflictError: another object has this origin.
        """
        origin = _origin(values)
        row = self._by_uuid.get(values["uuid"]) or self._by_origin.get(origin or ("", ""))
        if row is None:
            return self._add({}, self._new(values))
        if origin and self._by_origin.get(origin, row) is not row:
            raise ConflictError("two objects cannot have the same uuid or origin")
        return self._add(row, _changed(self.table, row, values))

    def write(self, db: Connection) -> None:
        """Write what is new, and what is another than in the store; projects move as of now."""
        rows = [row for row in self._rows if "id" in row and row != self._stored[row["id"]]]
        self._move(db, rows)
        if rows:
            # Uuids and origins that these give up may be those of new ones.
            changed = update(self.table).where(self.table.c.id == bindparam("row"))
            db.execute(changed, [_set(row) | {"row": row["id"]} for row in rows])
        new = [row for row in self._rows if "id" not in row]
        if new:
            written = insert(self.table).returning(self.table.c.uuid, self.table.c.id)
            for uuid, row_id in db.execute(written, new).all():
                self._by_uuid[uuid]["id"] = row_id
        self._stored |= {row["id"]: dict(row) for row in (*rows, *new)}

    def _move(self, db: Connection, rows: list[Row]) -> None:
        if self.table is not tables.project:
            return
        owners = {
            row["id"]: row["customer_id"]
            for row in rows
            if row["customer_id"] != self._stored[row["id"]]["customer_id"]
        }
        moves.move(db, ownership.PROJECTS, owners, self.now)

    def _new(self, values: Values) -> Row:
        by_hand = dict.fromkeys(values, values["keystone"] is None)
        row = {"created_at": self.now, **values, **_flags(self.table, by_hand)}
        return row | THERE | {"undated": False}

    def _add(self, row: Row, values: Row) -> Row:
        """Bring a row up to date, and have it found by what it has now."""
        if row:
            self._by_uuid.pop(row["uuid"])
            self._by_origin.pop(_origin(row) or ("", ""), None)
        else:
            self._rows.append(row)
        row.update(values)
        self._by_uuid[row["uuid"]] = row
        if origin := _origin(row):
            self._by_origin[origin] = row
        return row


def _origin(row: Values) -> tuple[str, str] | None:
    return None if row["keystone"] is None else (row["keystone"], row["keystone_id"])


def _set(row: Row) -> Row:
    """Return the columns that are set here: since when a customer has a project, moves write."""
    return {n: value for n, value in row.items() if n not in ("id", ownership.PROJECTS.since.name)}


def _flags(table: Table, changed: Mapping[str, bool]) -> Row:
    """Return the flags of what discovery must not set any more."""
    flags = {BY_HAND[name]: by_hand for name, by_hand in changed.items() if name in BY_HAND}
    return {name: by_hand for name, by_hand in flags.items() if name in table.c}


def _changed(table: Table, row: Row, values: Values) -> Row:
    """Return a row as it is after values were set."""
    if values.get("name") == cleaned(row["name"]):
        # An export spells it so, because no name holds what a cloud's text may hold.
        values = {**values, "name": row["name"]}
    flags = _flags(table, {name: value != row[name] for name, value in values.items()})
    changed = {name: row[name] or by_hand for name, by_hand in flags.items()}
    kept = {"keystone", "keystone_id"} if values["keystone"] is None else set()
    changed |= {name: value for name, value in values.items() if name not in kept} | THERE
    dated = values.get("created_at", row["created_at"]) != row["created_at"]
    return changed | {"undated": row["undated"] and not dated}
