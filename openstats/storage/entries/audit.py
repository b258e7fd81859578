"""The audit as lists show it: who changed what. ``registry.audit`` writes the records."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, select

from openstats.model import Scope
from openstats.storage.entries.pagination import Listing, RowQuery
from openstats.storage.registry.audit import JsonObject
from openstats.storage.schema import tables
from openstats.storage.store import Database

audit = tables.audit


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """A change of the object with a kind and uuid, with its states before and after the change.

    A state is None if the object did not exist.
    """

    uuid: str
    at: int
    who: str
    action: str
    kind: str
    object_uuid: str
    before: JsonObject | None
    after: JsonObject | None
    request_id: str


def _select(_query: RowQuery) -> Select[Any]:
    return select(audit)


def _load(_db: Database, _scope: Scope, rows: Sequence[Row[Any]]) -> list[AuditRecord]:
    return [_record(row) for row in rows]


def _record(row: Row[Any]) -> AuditRecord:
    return AuditRecord(
        uuid=row.uuid,
        at=row.at,
        who=row.who,
        action=row.action,
        kind=row.kind,
        object_uuid=row.object,
        before=_decoded(row.before),
        after=_decoded(row.after),
        request_id=row.request_id,
    )


def _decoded(state: str | None) -> JsonObject | None:
    return json.loads(state) if state else None


AUDIT = Listing(_select, _load, order=("id",), newest_first=True)
