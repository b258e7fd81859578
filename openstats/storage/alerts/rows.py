"""Opening alerts: rows of the table ``alert`` with what each is below, whoever raises them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, insert, select

from openstats.alerts import SEVERITIES, Notice
from openstats.storage.alerts.histories import Place
from openstats.storage.alerts.subjects import with_groups
from openstats.storage.dialects import one_of
from openstats.storage.schema.alerts import alert, alert_group, span


@dataclass(frozen=True, slots=True)
class Opened:
    """An alert to be written; ``told`` says whether all who see it may read its message."""

    source: str
    notice: Notice
    place: Place
    created_at: int
    until: int
    seen_at: int
    told: bool = True
    uuid: str = field(default_factory=lambda: str(uuid4()))


def times(created_at: int, until: int) -> dict[str, int]:
    """Give the columns that say when an alert was open."""
    return {"created_at": created_at, "until": until, "span": span(created_at, until)}


def said(notice: Notice) -> dict[str, Any]:
    """Give the columns that say what an alert is about."""
    return {
        "severity": SEVERITIES.index(notice.severity),
        "alert_type": notice.alert_type,
        "message": notice.message,
        "labels": json.dumps(dict(notice.labels)) if notice.labels else None,
    }


def insert_all(db: Connection, opened: Sequence[Opened]) -> list[int]:
    """Write new alerts and the groups that each is below; give their row ids, in the same order."""
    if not opened:
        return []
    rows = [_row(one) for one in opened]
    db.execute(insert(alert), rows)
    uuids = [row["uuid"] for row in rows]
    written = select(alert.c.uuid, alert.c.id).where(one_of(alert.c.uuid, "uuids"))
    ids = dict(db.execute(written, {"uuids": uuids}).all())
    places = with_groups(db, [one.place for one in opened])
    below = [
        {"alert_id": ids[uuid], "project_group_id": held}
        for uuid, place in zip(uuids, places, strict=True)
        for held in place.groups
    ]
    if below:
        db.execute(insert(alert_group), below)
    return [ids[uuid] for uuid in uuids]


def _row(one: Opened) -> dict[str, Any]:
    return {
        "uuid": one.uuid,
        "source": one.source,
        "fingerprint": one.notice.fingerprint,
        "told": one.told,
        "seen_at": one.seen_at,
        **times(one.created_at, one.until),
        **said(one.notice),
        **one.place.columns(),
    }
