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

WRITTEN = ("before", "after")


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
    before: Any
    after: Any


def record(
    db: Connection, author: Author, kind: str, uuid: str, *, before: Any, after: Any
) -> None:
    """Note one change; ``before`` and ``after`` are entries, None where there was or is none."""
    record_all(db, author, [Change(kind, uuid, before, after)])


def record_all(db: Connection, author: Author, changes: Iterable[Change]) -> None:
    """Note changes of one request, in this order."""
    rows = [_row(author, change) for change in changes]
    if rows:
        db.execute(insert(audit), rows)


def _row(author: Author, change: Change) -> dict[str, Any]:
    kind, uuid, before, after = change
    action = "create" if before is None else "delete" if after is None else "change"
    told = {
        name: None if entry is None else json.dumps(entry)
        for name, entry in zip(WRITTEN, (before, after), strict=True)
    }
    values = {"who": author.who, "at": author.at, "request_id": author.request_id, **told}
    return {"uuid": str(uuid4()), "action": action, "kind": kind, "object": uuid, **values}


def forget(db: Connection, before: int) -> None:
    """Delete the entries of before a time."""
    db.execute(delete(audit).where(audit.c.at < before))


def _rows(_everything: bool) -> Select[Any]:
    return select(audit)


def _read(_db: Connection, _scope: Scope, entries: list[Entry]) -> list[Entry]:
    return [
        {name: value for name, value in entry.items() if name != "id"}
        | {name: json.loads(entry[name]) if entry[name] else None for name in WRITTEN}
        for entry in entries
    ]


AUDIT = Listing(_rows, _read, order=("id",), newest_first=True)
