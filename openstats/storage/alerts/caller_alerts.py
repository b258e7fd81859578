"""Alerts that callers post; closing and acknowledgement of any alert by callers."""

import hashlib
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, select, update

from openstats.alerts import BY_API, Notification, split
from openstats.errors import ConflictError
from openstats.severities import Severity
from openstats.storage.alerts.closing import close_alerts
from openstats.storage.alerts.histories import NO_SUBJECT, Subject, of_subjects
from openstats.storage.alerts.rows import AlertRow, content_columns, insert_alerts
from openstats.storage.alerts.subjects import of_object
from openstats.storage.dialects import advisory_lock
from openstats.storage.schema.alerts import STILL_OPEN, alert
from openstats.storage.schema.types import FOREVER
from openstats.storage.store import Database


@dataclass(frozen=True, slots=True)
class PostedAlert:
    """An alert that a caller posts; ``created_at`` is None for now.

    ``subject`` is the kind and uuid of the object that it is on; None for no object.
    """

    severity: Severity
    alert_type: str
    message: str
    subject: tuple[str, str] | None = None
    created_at: int | None = None


def find(db: Database, posted: PostedAlert) -> str | None:
    """Return the uuid of the open alert that was posted for the same cause; None if there is none.

    Take the lock on alerts: until the end of the transaction, no other transaction writes them.
    """
    advisory_lock(db, "alerts")
    same_cause = alert.c.source == BY_API, alert.c.fingerprint == _fingerprint(posted)
    return db.scalar(select(alert.c.uuid).where(*STILL_OPEN, *same_cause))


def _fingerprint(posted: PostedAlert) -> str:
    """Return a hash that identifies the cause: the subject and the type of the alert."""
    kind, uuid = posted.subject or ("", "")
    return hashlib.sha256(f"{kind}:{uuid}:{posted.alert_type}".encode()).hexdigest()


def post(db: Database, uuid: str, posted: PostedAlert, now: int) -> None:
    """Create the alert with this uuid, or update the contents of the open one.

    Former owners of the subject get alerts for their time, which ended at the moves.

    Raises:
        ConflictError: the object of the scope does not exist.
    """
    notification = Notification(
        fingerprint=_fingerprint(posted),
        start="",
        alert_type=posted.alert_type,
        severity=posted.severity,
        message=posted.message,
        started_at=now if posted.created_at is None else min(posted.created_at, now),
    )
    contents = content_columns(notification) | {"reported_at": now}
    if db.execute(update(alert).where(alert.c.uuid == uuid).values(contents)).rowcount:
        return
    (history,) = of_subjects(db, [_subject(db, posted)])
    rows = []
    for start, end in split(notification.started_at, None, history.changes):
        subject, until = history.at(start), FOREVER if end is None else end
        rows.append(AlertRow(BY_API, notification, subject, start, until, now))
    rows[-1] = replace(rows[-1], uuid=uuid)
    insert_alerts(db, rows)


def _subject(db: Database, posted: PostedAlert) -> Subject:
    return of_object(db, *posted.subject) if posted.subject else NO_SUBJECT


def close(db: Database, uuid: str, now: int) -> None:
    """Close an alert by hand, whatever its source.

    Raises:
        ConflictError: the alert is already closed.
    """
    row = _read(db, uuid)
    if row.until < FOREVER:
        raise ConflictError(f"the alert was closed at {row.until}")
    close_alerts(db, {row.id: row.created_at}, now, reported_at=now)


def acknowledge(db: Database, uuid: str, now: int) -> None:
    """Record that somebody has noticed an alert.

    Raises:
        ConflictError: the alert is already acknowledged.
    """
    row = _read(db, uuid)
    if row.acknowledged_at is not None:
        raise ConflictError(f"the alert was acknowledged at {row.acknowledged_at}")
    db.execute(update(alert).where(alert.c.id == row.id).values(acknowledged_at=now))


def _read(db: Database, uuid: str) -> Row[Any]:
    advisory_lock(db, "alerts")
    return db.execute(select(alert).where(alert.c.uuid == uuid)).one()
