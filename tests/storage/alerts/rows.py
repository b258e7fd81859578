"""One alert, as the store has it."""

from typing import Any
from uuid import uuid4

from sqlalchemy import update

from openstats.alerts import Notification
from openstats.storage.alerts import subjects
from openstats.storage.alerts.histories import NO_SUBJECT
from openstats.storage.alerts.rows import AlertRow, insert_alerts
from openstats.storage.schema.alerts import alert
from openstats.storage.schema.types import FOREVER
from openstats.storage.store import Database
from openstats.unix_time import DAY
from tests.registry import NOW

START, END = NOW - 40 * DAY, NOW - 39 * DAY


def one(
    db: Database,
    kind: str | None = None,
    uuid: str = "",
    *,
    acknowledged: bool = False,
    **more: Any,
) -> str:
    """Create an alert that is open since START, and give its uuid."""
    subject = subjects.of_object(db, kind, uuid) if kind else NO_SUBJECT
    notification = Notification("f", "", "type", "Error", "message", START)
    times = {"created_at": START, "until": FOREVER, "reported_at": NOW} | more
    made = AlertRow("test", notification, subject, uuid=str(uuid4()), **times)
    (row,) = insert_alerts(db, [made])
    if acknowledged:
        db.execute(update(alert).where(alert.c.id == row).values(acknowledged_at=NOW))
    return made.uuid
