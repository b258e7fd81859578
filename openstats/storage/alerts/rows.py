"""Rows of the tables ``alert`` and ``alert_group``, for alerts of every source."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from sqlalchemy import bindparam, delete, insert, select, update

from openstats.alerts import Notification
from openstats.severities import SEVERITIES
from openstats.storage.alerts.histories import Subject
from openstats.storage.alerts.subjects import with_groups
from openstats.storage.dialects import one_of
from openstats.storage.schema.alerts import alert, alert_group, span
from openstats.storage.store import Database


@dataclass(frozen=True, slots=True)
class AlertRow:
    """A new alert. ``message_visible``: everybody who sees the alert may read its message."""

    source: str
    notification: Notification
    subject: Subject
    created_at: int
    until: int
    seen_at: int
    message_visible: bool = True
    uuid: str = field(default_factory=lambda: str(uuid4()))


def time_columns(created_at: int, until: int) -> dict[str, int]:
    """Return the columns that hold when an alert was open."""
    return {"created_at": created_at, "until": until, "span": span(created_at, until)}


def content_columns(notification: Notification) -> dict[str, Any]:
    """Return the columns that hold what a notification says."""
    return {
        "severity": SEVERITIES.index(notification.severity),
        "alert_type": notification.alert_type,
        "message": notification.message,
        "labels": json.dumps(dict(notification.labels)) if notification.labels else None,
    }


def insert_alerts(db: Database, rows: Sequence[AlertRow]) -> list[int]:
    """Write new alerts and their groups; return their row ids in the order of ``rows``."""
    if not rows:
        return []
    db.execute(insert(alert), [_columns(row) for row in rows])
    ids = ids_of(db, [row.uuid for row in rows])
    memberships = []
    for alert_id, subject in zip(ids, with_groups(db, [row.subject for row in rows]), strict=True):
        for group_id in subject.groups:
            memberships.append({"alert_id": alert_id, "project_group_id": group_id})
    if memberships:
        db.execute(insert(alert_group), memberships)
    return ids


def ids_of(db: Database, uuids: Sequence[str]) -> list[int]:
    """Return the row ids of alerts in the order of their uuids."""
    query = select(alert.c.uuid, alert.c.id).where(one_of(alert.c.uuid, "uuids"))
    ids = dict(db.execute(query, {"uuids": uuids}).all())
    return [ids[uuid] for uuid in uuids]


def update_alerts(db: Database, rows: Sequence[dict[str, Any]]) -> None:
    """Write columns of alerts; all rows have ``row_id`` and the same columns."""
    if not rows:
        return
    columns: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name != "row_id"}
    db.execute(update(alert).where(alert.c.id == bindparam("row_id")).values(columns), rows)


def delete_alerts(db: Database, row_ids: Collection[int]) -> None:
    """Delete alerts by row id."""
    if row_ids:
        chosen_alerts = one_of(alert.c.id, "row_ids")
        db.execute(delete(alert).where(chosen_alerts), {"row_ids": sorted(row_ids)})


def _columns(row: AlertRow) -> dict[str, Any]:
    return {
        "uuid": row.uuid,
        "source": row.source,
        "fingerprint": row.notification.fingerprint,
        "told": row.message_visible,
        "seen_at": row.seen_at,
        **time_columns(row.created_at, row.until),
        **content_columns(row.notification),
        **row.subject.columns(),
    }
