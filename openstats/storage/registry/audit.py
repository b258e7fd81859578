"""The audit: records who changed what in the registry. ``entries`` lists the records."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sqlalchemy import delete, insert

from openstats.storage.schema import tables
from openstats.storage.store import Database

audit = tables.audit

JsonObject = Mapping[str, object]
"""The state of an object as the API shows it; None in its place: the object does not exist."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who made a change, when, and in which request."""

    who: str
    at: int
    request_id: str


@dataclass(frozen=True, slots=True)
class Change:
    """An object (kind and uuid) with its states before and after a change."""

    kind: str
    uuid: str
    before: JsonObject | None
    after: JsonObject | None

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
    return {
        "uuid": str(uuid4()),
        "who": author.who,
        "at": author.at,
        "request_id": author.request_id,
        "action": change.action,
        "kind": change.kind,
        "object": change.uuid,
        "before": _encoded(change.before),
        "after": _encoded(change.after),
    }


def _encoded(document: JsonObject | None) -> str | None:
    return None if document is None else json.dumps(document)


def forget(db: Database, until: int) -> None:
    """Delete records from before a time."""
    db.execute(delete(audit).where(audit.c.at < until))
