"""Alerts of openstats' own rules: one open alert for each cause that a rule finds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import select

from openstats.alerts import OWN, Cause, Notification, RuleResult
from openstats.severities import SEVERITIES
from openstats.storage.alerts.closing import close_alerts
from openstats.storage.alerts.histories import NO_SUBJECT
from openstats.storage.alerts.rows import (
    AlertRow,
    content_columns,
    delete_alerts,
    insert_alerts,
    time_columns,
    update_alerts,
)
from openstats.storage.alerts.subjects import of_rows
from openstats.storage.dialects import advisory_lock
from openstats.storage.schema.alerts import STILL_OPEN, alert
from openstats.storage.schema.types import FOREVER
from openstats.storage.store import Database


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An open alert of openstats' own rules: row id, creation time, severity."""

    id: int
    created_at: int
    severity: str


def open_alerts(db: Database, cloud_id: int, family: str) -> dict[Cause, OpenAlert]:
    """Return the open alerts of a family of rules on a cloud and its tenants.

    Take the lock on alerts: until the end of the transaction, no other transaction writes them.
    """
    advisory_lock(db, "alerts")
    of_family = alert.c.source == OWN, alert.c.alert_type.startswith(family)
    query = select(alert).where(*STILL_OPEN, *of_family, alert.c.cloud_id == cloud_id)
    alerts = {}
    for row in db.execute(query):
        subject_id = row.cloud_id if row.kind == "cloud" else row.tenant_id
        cause = Cause(row.kind, subject_id, row.alert_type)
        alerts[cause] = OpenAlert(row.id, row.created_at, SEVERITIES[row.severity])
    return alerts


def settle(
    db: Database,
    alerts: Mapping[Cause, OpenAlert],
    results: Iterable[RuleResult],
    now: int,
) -> None:
    """Open alerts for new results, update open ``alerts``, and close those without a result."""
    result_of = {result.cause: result for result in results}
    for cause, open_alert in alerts.items():
        if result := result_of.get(cause):
            contents = content_columns(_notification(result, now))
            update_alerts(db, {open_alert.id: contents | {"reported_at": now}})
        else:
            _close(db, open_alert, now)
    _open(db, [result for cause, result in result_of.items() if cause not in alerts], now)


def _open(db: Database, results: Iterable[RuleResult], now: int) -> None:
    new_results = [result for result in results if not _reopen(db, result, now)]
    row_ids: dict[str, list[int]] = {}
    for result in new_results:
        row_ids.setdefault(result.cause.kind, []).append(result.cause.row_id)
    subjects = {kind: of_rows(db, kind, ids) for kind, ids in row_ids.items()}
    rows = []
    for result in new_results:
        subject = subjects[result.cause.kind].get(result.cause.row_id, NO_SUBJECT)
        rows.append(AlertRow(OWN, _notification(result, now), subject, now, FOREVER, now))
    insert_alerts(db, rows)


def _reopen(db: Database, result: RuleResult, now: int) -> bool:
    """Reopen the last alert of a cause if it was closed recently; return whether it was."""
    if not result.reopen_within:
        return False
    notification = _notification(result, now)
    same_cause = alert.c.source == OWN, alert.c.fingerprint == notification.fingerprint
    closed_lately = alert.c.until.between(now - result.reopen_within, FOREVER - 1)
    query = select(alert.c.id, alert.c.created_at).where(*same_cause, closed_lately)
    row = db.execute(query.order_by(alert.c.until.desc()).limit(1)).first()
    if row is None:
        return False
    columns = time_columns(row.created_at, FOREVER) | content_columns(notification)
    update_alerts(db, {row.id: columns | {"reported_at": now}})
    return True


def _close(db: Database, open_alert: OpenAlert, now: int) -> None:
    """Close an alert; delete it if it was created at ``now``."""
    if now > open_alert.created_at:
        close_alerts(db, {open_alert.id: open_alert.created_at}, now)
    else:
        delete_alerts(db, [open_alert.id])


def _notification(result: RuleResult, now: int) -> Notification:
    cause = result.cause
    return Notification(
        fingerprint=f"{cause.kind}:{cause.row_id}:{cause.alert_type}",
        start="",
        alert_type=cause.alert_type,
        severity=result.severity,
        message=result.message,
        started_at=now,
    )
