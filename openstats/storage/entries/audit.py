"""The audit: who changed what in the registry, with the states before and after the change."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import Select, delete, insert, select

from openstats.model import Scope
from openstats.storage.entries.pagination import Entry, Listing
from openstats.storage.schema import tables
from openstats.storage.store import Database

audit = tables.audit

STATES = ("before", "after")
"""Columns that hold an entry as JSON; NULL if the object did not exist before or after."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who made a change, when, and in which request."""

    who: str
    at: int
    request_id: str


class Change(NamedTuple):
    """An object (kind and uuid) with its entries before and after a change; None for no object."""

    kind: str
    uuid: str
    before: Entry | None
    after: Entry | None

    @property
    def action(self) -> str:
        """The kind of change: create, change or delete."""
        if self.before is None:
            return "create"
        return "delete" if self.after is None else "change"


def record_all(db: Database, author: Author, changes: Iterable[Change]) -> None:
    """Write the changes of one request, in this order."""
    rows = [_row(author, change) for change in changes]
    if rows:
        db.execute(insert(audit), rows)


def _row(author: Author, change: Change) -> dict[str, Any]:
    row: dict[str, Any] = {"uuid": str(uuid4())}
    row |= {"who": author.who, "at": author.at, "request_id": author.request_id}
    row |= {"action": change.action, "kind": change.kind, "object": change.uuid}
    for state in STATES:
        entry = getattr(change, state)
        row[state] = None if entry is None else json.dumps(entry)
    return row


def forget(db: Database, until: int) -> None:
    """Delete records from before a time."""
    db.execute(delete(audit).where(audit.c.at < until))


def _rows(_everything: bool) -> Select[Any]:
    return select(audit)


def _parsed(_db: Database, _scope: Scope, entries: list[Entry]) -> list[Entry]:
    for entry in entries:
        del entry["id"]
        for state in STATES:
            entry[state] = json.loads(entry[state]) if entry[state] else None
    return entries


AUDIT = Listing(_rows, _parsed, order=("id",), newest_first=True)
