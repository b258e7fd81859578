"""Counts of the alerts that were active in an interval, in total or by object."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    Subquery,
    bindparam,
    func,
    select,
    union_all,
)

from openstats.alerts import StatusFilter
from openstats.model import ObjectName, Past, Scope, Selection
from openstats.severities import SEVERITIES
from openstats.storage.access.selection import named, object_query, prepared_objects
from openstats.storage.access.visibility import OBJECTS, variables, visible_alert, visible_object
from openstats.storage.dialects import constant, one_of
from openstats.storage.prepared import Prepared
from openstats.storage.schema.alerts import SPANS, alert, alert_group
from openstats.storage.schema.types import FOREVER
from openstats.storage.store import Database

ANY_STATUS = StatusFilter()

OWNER_COLUMNS: dict[str, ColumnElement[int]] = {
    "customer": alert.c.customer_id,
    "project": alert.c.project_id,
    "project_group": alert_group.c.project_group_id,
}
"""By aggregate, the column with the row id of the object that an alert is on or below."""


@dataclass(frozen=True, slots=True)
class CountQuery:
    """The key of a statement that counts alerts; each key has one compiled statement.

    ``aggregate``: None counts all visible alerts. ``filtered``: only objects in the parameter
    ``uuids``. ``past``: that of a Selection. ``by_object``: one row for each object and severity.
    """

    aggregate: str | None
    everything: bool
    status: StatusFilter
    filtered: bool = False
    past: Past = Past.NONE
    by_object: bool = False


@cache
def _statement(query: CountQuery) -> Prepared:
    """Return the statement that counts alerts active in [:start, :end) by severity.

    The alerts of a span were open for at most its length. Those that were still open at ``:start``
    were therefore created at most that long before, and the index on span and created_at finds
    them::

        SELECT count(*) FILTER (WHERE severity = 0), …, count(*) FILTER (WHERE severity = 3)
        FROM (
            SELECT severity FROM alert
            WHERE span = 0 AND created_at >= :start - 3600
                AND created_at < :end AND until >= :start AND <visible, selected, of the status>
            UNION ALL
            SELECT severity FROM alert
            WHERE span = 1 AND created_at >= :start - 86400 AND …
            UNION ALL …
        )
    """
    active = union_all(*_active_by_span(query)).subquery("active")
    if query.by_object:
        keys = active.c.severity, active.c.owner_id
        return Prepared(select(*keys, func.count()).group_by(*keys))
    # FILTER counts in one pass; GROUP BY would sort the rows first.
    return Prepared(select(*_count_of_each_severity(active)))


def _active_by_span(query: CountQuery) -> list[Select[Any]]:
    """Return one statement for each span, which selects its active alerts."""
    conditions = [
        alert.c.created_at < bindparam("end"),
        alert.c.until >= bindparam("start"),
        visible_alert(everything=query.everything),
        *_status_conditions(query.status),
    ]
    if not query.by_object and query.aggregate:
        conditions.append(_belongs_to_selected(query.aggregate, query))
    active = _alerts_with_owner(query).where(*conditions)
    statements = []
    for index, length in enumerate(SPANS):
        of_span = active.where(alert.c.span == index)
        if length < FOREVER:
            # The length is a typed constant, so that the database does not infer another type for
            # it.
            earliest: ColumnElement[int] = bindparam("start") - bindparam(None, length, BigInteger)
            of_span = of_span.where(alert.c.created_at >= earliest)
        statements.append(of_span)
    return statements


def _alerts_with_owner(query: CountQuery) -> Select[Any]:
    """Select severities, with the row id of the owner if alerts are counted by object."""
    if not query.by_object:
        return select(alert.c.severity)
    aggregate = query.aggregate or "customer"
    alerts: FromClause = alert
    if aggregate == "project_group":
        alerts = alert.join(alert_group, alert_group.c.alert_id == alert.c.id)
    owner_id = OWNER_COLUMNS[aggregate].label("owner_id")
    return select(alert.c.severity, owner_id).select_from(alerts)


def _count_of_each_severity(active: Subquery) -> list[ColumnElement[int]]:
    columns: list[ColumnElement[int]] = []
    for index in range(len(SEVERITIES)):
        of_severity = active.c.severity == constant(index)
        columns.append(func.count().filter(of_severity))
    return columns


def _belongs_to_selected(aggregate: str, query: CountQuery) -> ColumnElement[bool]:
    """Return the condition that an alert is on or below a visible selected object.

    The present owner need not see the alert's project: the alert may be visible through its project
    of that time.
    """
    table, owner_id = OBJECTS[aggregate], OWNER_COLUMNS[aggregate]
    visible = visible_object(aggregate, everything=query.everything, past=query.past)
    owner = select(table.c.id).where(table.c.id == owner_id, visible)
    if query.filtered:
        # A CTE, so that the uuids are looked up once for each statement.
        selected = select(table.c.id).where(one_of(table.c.uuid, "uuids")).cte("selected")
        owner = owner.where(owner_id.in_(select(selected)))
    if aggregate == "project_group":
        owner = owner.where(alert_group.c.alert_id == alert.c.id)
    return owner.correlate(alert).exists()


def _status_conditions(status: StatusFilter) -> list[ColumnElement[bool]]:
    conditions = []
    if status.opened is not None:
        is_open = alert.c.until == FOREVER
        conditions.append(is_open if status.opened else alert.c.until < FOREVER)
    if status.acknowledged is not None:
        at = alert.c.acknowledged_at
        conditions.append(at.is_not(None) if status.acknowledged else at.is_(None))
    return conditions


def count(
    db: Database,
    scope: Scope,
    selection: Selection | None,
    interval: tuple[int, int],
    status: StatusFilter = ANY_STATUS,
) -> dict[str, int]:
    """Return the number of alerts that were active in [start, end), by severity; zeros are missing.

    Without a selection, all alerts that the caller sees are counted.
    """
    query = CountQuery(None, scope.everything, status)
    if selection:
        if selection.since is None:
            selection = replace(selection, since=0)
        query = replace(
            query,
            aggregate=selection.aggregate,
            filtered=bool(selection.uuids),
            past=selection.past,
        )
    numbers = _statement(query).row(db, _parameters(scope, selection, interval))
    return _by_severity(numbers)


def _by_severity(numbers: Sequence[int]) -> dict[str, int]:
    pairs = zip(SEVERITIES, numbers, strict=True)
    return {severity: number for severity, number in pairs if number}


def count_by_object(
    db: Database,
    scope: Scope,
    selection: Selection,
    interval: tuple[int, int],
    status: StatusFilter = ANY_STATUS,
) -> dict[int, dict[str, int]]:
    """Return the numbers of active alerts by object (row id) and severity; zeros are missing."""
    query = CountQuery(selection.aggregate, scope.everything, status, by_object=True)
    counts: dict[int, dict[str, int]] = {}
    rows = _statement(query).rows(db, _parameters(scope, selection, interval))
    for severity, owner_id, number in rows:
        counts.setdefault(owner_id, {})[SEVERITIES[severity]] = number
    return counts


def _parameters(
    scope: Scope, selection: Selection | None, interval: tuple[int, int]
) -> dict[str, object]:
    start, end = interval
    return variables(scope, selection) | {"start": start, "end": end}


def selected_objects(
    db: Database,
    scope: Scope,
    selection: Selection,
    *,
    limit: int | None = None,
    marker: str | None = None,
) -> dict[int, ObjectName]:
    """Return the visible selected objects by row id, ordered by name, then uuid.

    ``marker`` is the uuid of the last object of the previous page.
    """
    query = prepared_objects(object_query(scope, selection, limit=limit, marker=marker))
    parameters = variables(scope, selection) | {"limit": limit, "marker": marker}
    objects = named(selection.aggregate, query.rows(db, parameters))
    return {row_id: name for row_id, name, _ in objects}
