"""The audit: who wrote what in the registry, as it was before and as it is since."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import Connection, Select, delete, insert, select

from openstats.model import Scope
from openstats.storage.entries.pagination import Entry, Listing
from openstats.storage.schema import tables

audit = tables.audit

STATES = ("before", "after")
"""Columns that hold an entry as JSON; NULL where there was or is none."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes, when, and in which request."""

    who: str
    at: int
    request_id: str


class Change(NamedTuple):
    """An object by kind and uuid, as an entry of before and after; None where there is none."""

    kind: str
    uuid: str
    before: Entry | None
    after: Entry | None

    @property
    def action(self) -> str:
        """What was done: create, change or delete."""
        if self.before is None:
            return "create"
        return "delete" if self.after is None else "change"


def record_all(db: Connection, author: Author, changes: Iterable[Change]) -> None:
    """Write changes of one request, in this order."""
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


def forget(db: Connection, until: int) -> None:
    """Delete what was written before a time."""
    db.execute(delete(audit).where(audit.c.at < until))


def _rows(_everything: bool) -> Select[Any]:
    return select(audit)


def _parsed(_db: Connection, _scope: Scope, entries: list[Entry]) -> list[Entry]:
    for entry in entries:
        del entry["id"]
        for state in STATES:
            entry[state] = json.loads(entry[state]) if entry[state] else None
    return entries


AUDIT = Listing(_rows, _parsed, order=("id",), newest_first=True)
