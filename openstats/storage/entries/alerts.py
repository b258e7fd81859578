"""Alerts as lists show them. ``storage.alerts`` writes and counts alerts."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Row, Select, Subquery, select

from openstats.model import Scope
from openstats.severities import SEVERITIES, Severity
from openstats.storage.access.visibility import visible_alert
from openstats.storage.entries.pagination import Condition, Listing, RowQuery
from openstats.storage.schema import tables
from openstats.storage.schema.alerts import OWNERS, alert, alert_group
from openstats.storage.schema.types import FOREVER
from openstats.storage.store import Database

group = tables.project_group

OWNER_TABLES = {owner: tables.metadata.tables[owner] for owner in OWNERS}


@dataclass(frozen=True, slots=True)
class StoredAlert:
    """An alert. What the caller may not read is None: the message, and the labels.

    ``subject`` is the kind and uuid of the object that the alert is on; None if that is unknown or
    deleted. ``closed_at`` is None while the alert is open.
    """

    uuid: str
    severity: Severity
    alert_type: str
    message: str | None
    subject: tuple[str, str] | None
    created_at: int
    closed_at: int | None
    acknowledged_at: int | None
    source: str
    labels: Mapping[str, str] | None


def _select(query: RowQuery) -> Select[Any]:
    """Select the visible alerts, with the uuids of their owners."""
    alerts: FromClause = alert
    uuids = []
    for owner, table in OWNER_TABLES.items():
        alerts = alerts.outerjoin(table, table.c.id == alert.c[f"{owner}_id"])
        uuids.append(table.c.uuid.label(owner))
    statement = select(alert, *uuids).select_from(alerts)
    return statement.where(visible_alert(everything=query.everything))


def _load(_db: Database, scope: Scope, rows: Sequence[Row[Any]]) -> list[StoredAlert]:
    return [_alert(row, everything=scope.everything) for row in rows]


def _alert(row: Row[Any], *, everything: bool) -> StoredAlert:
    message = row.message if everything or row.message_visible else None
    closed_at = None if row.until == FOREVER else row.until
    labels = json.loads(row.labels or "{}") if everything else None
    return StoredAlert(
        uuid=row.uuid,
        severity=SEVERITIES[row.severity],
        alert_type=row.alert_type,
        message=message,
        subject=_subject(row),
        created_at=row.created_at,
        closed_at=closed_at,
        acknowledged_at=row.acknowledged_at,
        source=row.source,
        labels=labels,
    )


def _subject(row: Row[Any]) -> tuple[str, str] | None:
    uuid = row._mapping[row.kind] if row.kind else None
    return (row.kind, uuid) if uuid else None


def _in_groups(rows: Subquery, uuids: Sequence[str]) -> ColumnElement[bool]:
    groups = select(group.c.id).where(group.c.uuid.in_(uuids))
    memberships = select(alert_group.c.alert_id).where(
        alert_group.c.alert_id == rows.c.id, alert_group.c.project_group_id.in_(groups)
    )
    return memberships.correlate(rows).exists()


def _of_severity(rows: Subquery, severities: Sequence[str]) -> ColumnElement[bool]:
    return rows.c.severity.in_([SEVERITIES.index(severity) for severity in severities])


def _flag(is_set: Callable[[Subquery], ColumnElement[bool]]) -> Condition:
    """Return the condition of a boolean filter."""
    return lambda rows, values: is_set(rows) if values[0] else ~is_set(rows)


ALERTS = Listing(
    _select,
    _load,
    order=("created_at", "id"),
    newest_first=True,
    conditions={
        "severity": _of_severity,
        "project_group": _in_groups,
        "opened": _flag(lambda rows: rows.c.until == FOREVER),
        "acknowledged": _flag(lambda rows: rows.c.acknowledged_at.is_not(None)),
        "start": lambda rows, start: rows.c.until >= start[0],
        "end": lambda rows, end: rows.c.created_at < end[0],
    },
)
"""Newest first. A filter by owner matches alerts on the owner and on everything below it."""
