"""Alerts as lists show them. ``storage.alerts`` writes and counts alerts."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, Subquery, select

from openstats.model import Scope
from openstats.severities import SEVERITIES
from openstats.storage.access.visibility import visible_alert
from openstats.storage.entries.pagination import Condition, Entry, Listing
from openstats.storage.schema import tables
from openstats.storage.schema.alerts import OWNERS, alert, alert_group
from openstats.storage.schema.types import FOREVER
from openstats.storage.store import Database

group = tables.project_group

OWNER_TABLES = {owner: tables.metadata.tables[owner] for owner in OWNERS}


def _visible_rows(everything: bool) -> Select[Any]:
    """Select the visible alerts, with the uuids of their owners."""
    alerts: FromClause = alert
    uuids = []
    for owner, table in OWNER_TABLES.items():
        alerts = alerts.outerjoin(table, table.c.id == alert.c[f"{owner}_id"])
        uuids.append(table.c.uuid.label(owner))
    query = select(alert, *uuids).select_from(alerts)
    return query.where(visible_alert(everything=everything))


def _completed(_db: Database, scope: Scope, rows: list[Entry]) -> list[Entry]:
    """Return alerts as entries: labels for admins only, messages for callers who may read them."""
    entries = []
    for row in rows:
        entry = _entry(row, with_message=scope.everything or row["told"])
        if scope.everything:
            entry["labels"] = json.loads(row["labels"] or "{}")
        entries.append(entry)
    return entries


def _entry(row: Entry, *, with_message: bool) -> Entry:
    until, acknowledged_at = row["until"], row["acknowledged_at"]
    entry = {
        "uuid": row["uuid"],
        "severity": SEVERITIES[row["severity"]],
        "alert_type": row["alert_type"],
        "message": row["message"] if with_message else row["alert_type"],
        "scope": _scope(row),
        "created_at": row["created_at"],
    }
    entry["closed_at"] = None if until == FOREVER else until
    entry["acknowledged"] = acknowledged_at is not None
    entry["source"] = row["source"]
    return entry


def _scope(row: Entry) -> dict[str, str] | None:
    """Return the kind and uuid of the alert's subject; None if that is unknown or deleted."""
    kind = row["kind"]
    return {kind: row[kind]} if kind and row[kind] else None


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
    _visible_rows,
    _completed,
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
