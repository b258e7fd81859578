"""Rows of the tables ``alert`` and ``alert_group``, for alerts of every source."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from sqlalchemy import BindParameter, bindparam, delete, insert, select, update

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
    reported_at: int
    message_visible: bool = True
    uuid: str = field(default_factory=lambda: str(uuid4()))

    def columns(self) -> dict[str, object]:
        """Return the columns of the table ``alert``."""
        return {
            "uuid": self.uuid,
            "source": self.source,
            "fingerprint": self.notification.fingerprint,
            "message_visible": self.message_visible,
            "reported_at": self.reported_at,
            **time_columns(self.created_at, self.until),
            **content_columns(self.notification),
            **self.subject.columns(),
        }


def time_columns(created_at: int, until: int) -> dict[str, object]:
    """Return the columns that hold when an alert was open."""
    return {"created_at": created_at, "until": until, "span": span(created_at, until)}


def content_columns(notification: Notification) -> dict[str, object]:
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
    db.execute(insert(alert), [row.columns() for row in rows])
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


def update_alerts(db: Database, changes: Mapping[int, Mapping[str, object]]) -> None:
    """Write columns of alerts, by row id; the columns are the same for all alerts."""
    if not changes:
        return
    names = next(iter(changes.values()))
    columns: dict[str, BindParameter[object]] = {name: bindparam(name) for name in names}
    rows = [{"row_id": row_id, **values} for row_id, values in changes.items()]
    db.execute(update(alert).where(alert.c.id == bindparam("row_id")).values(columns), rows)


def delete_alerts(db: Database, row_ids: Collection[int]) -> None:
    """Delete alerts by row id."""
    if row_ids:
        chosen_alerts = one_of(alert.c.id, "row_ids")
        db.execute(delete(alert).where(chosen_alerts), {"row_ids": sorted(row_ids)})
