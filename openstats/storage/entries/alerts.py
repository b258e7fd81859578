"""Alerts as they are counted and listed: those that were active in an interval."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    bindparam,
    func,
    select,
    union_all,
)

from openstats.alerts import SEVERITIES
from openstats.model import ObjectName, Scope, Selection
from openstats.storage.access.selection import object_name, object_query, prepared_objects
from openstats.storage.access.visibility import OBJECTS, variables, visible_alert, visible_object
from openstats.storage.dialects import constant, one_of
from openstats.storage.entries.pagination import Condition, Entry, Listing
from openstats.storage.prepared import Prepared
from openstats.storage.schema import tables
from openstats.storage.schema.alerts import OWNERS, SPANS, alert, alert_group
from openstats.storage.schema.types import FOREVER

group = tables.project_group

KEYS: dict[str, Any] = {
    "customer": alert.c.customer_id,
    "project": alert.c.project_id,
    "project_group": alert_group.c.project_group_id,
}
"""By what column alerts belong to an object."""


@cache
def _active(
    aggregate: str | None,
    everything: bool,
    filtered: bool,
    past: str,
    flags: tuple[bool | None, bool | None],
    each: bool,
) -> Prepared:
    """Count by severity, and by object if ``each``, what was active: short ones, then longer ones.

    An alert that was open for at most so long, and at ``start`` or later, began at most so long
    before. ``flags`` are whether it is open, and acknowledged; None: whether or not.
    """
    key = KEYS[aggregate or "customer"] if each else alert.c.severity
    belonging = [] if each else _belonging(aggregate, everything, filtered, past)
    wanted = [*belonging, visible_alert(everything=everything), *_flagged(*flags)]
    within = alert.c.created_at < bindparam("end"), alert.c.until >= bindparam("start")
    joined: Any = alert
    if each and aggregate == "project_group":
        joined = alert.join(alert_group, alert_group.c.alert_id == alert.c.id)
    chosen = select(alert.c.severity, key.label("key")).select_from(joined).where(*within, *wanted)
    parts = [
        chosen.where(alert.c.span == place, *_began(length)) for place, length in enumerate(SPANS)
    ]
    found = union_all(*parts).subquery("active")
    if each:
        keys = found.c.severity, found.c.key
        return Prepared(select(*keys, func.count()).group_by(*keys))
    # In one pass: grouping would sort them first.
    severities = (found.c.severity == constant(place) for place in range(len(SEVERITIES)))
    return Prepared(select(*(func.count().filter(severity) for severity in severities)))


def _began(length: int) -> list[ColumnElement[bool]]:
    if length == FOREVER:
        return []
    return [alert.c.created_at >= bindparam("start") - bindparam(None, length, BigInteger)]


def _belonging(
    aggregate: str | None, everything: bool, filtered: bool, past: str
) -> list[ColumnElement[bool]]:
    """Return the condition that an alert is of a visible object that is asked about, or below it.

    It may be seen by its project without being the project's present owner's.
    """
    if aggregate is None:
        return []
    table, key = OBJECTS[aggregate], KEYS[aggregate]
    owner = select(table.c.id).where(
        table.c.id == key, visible_object(aggregate, everything=everything, past=past)
    )
    if filtered:
        owner = owner.where(key.in_(_ids(table, "uuids")))
    if aggregate == "project_group":
        owner = owner.where(alert_group.c.alert_id == alert.c.id)
    return [owner.correlate(alert).exists()]


def _flagged(opened: bool | None, acknowledged: bool | None) -> list[ColumnElement[bool]]:
    found = []
    if opened is not None:
        found.append(alert.c.until == FOREVER if opened else alert.c.until < FOREVER)
    if acknowledged is not None:
        known = alert.c.acknowledged_at
        found.append(known.is_not(None) if acknowledged else known.is_(None))
    return found


def _ids(table: Any, name: str) -> Select[Any]:
    """Select the row ids of uuids in a parameter: looked up once for a statement."""
    return select(select(table.c.id).where(one_of(table.c.uuid, name)).cte(name))


def count(
    db: Connection,
    scope: Scope,
    selection: Selection | None,
    bounds: tuple[int, int],
    flags: tuple[bool | None, bool | None] = (None, None),
) -> dict[str, int]:
    """Count, by severity, the alerts that were active in [start, end); without selection all."""
    if selection and selection.since is None:
        selection = replace(selection, since=0)
    aggregate, uuids = (selection.aggregate, selection.uuids) if selection else (None, ())
    past = selection.past if selection else "none"
    statement = _active(aggregate, scope.everything, bool(uuids), past, flags, False)
    numbers = statement.row(db, _values(scope, selection, bounds))
    return {name: number for name, number in zip(SEVERITIES, numbers, strict=True) if number}


def named(
    db: Connection,
    scope: Scope,
    selection: Selection,
    *,
    limit: int | None = None,
    marker: str | None = None,
) -> dict[int, ObjectName]:
    """Return the selected objects that are visible by row id, in order of name, then uuid.

    ``marker`` is the uuid of the last object of the page before.
    """
    chosen = prepared_objects(object_query(scope, selection, limit=limit, marker=marker))
    name = object_name(selection.aggregate)
    values = variables(scope, selection) | {"limit": limit, "marker": marker}
    return {row[0]: name(row) for row in chosen.rows(db, values)}


def by_object(
    db: Connection,
    scope: Scope,
    selection: Selection,
    bounds: tuple[int, int],
    flags: tuple[bool | None, bool | None] = (None, None),
) -> dict[int, dict[str, int]]:
    """Count likewise for each object, by row id; those without any are not there."""
    statement = _active(selection.aggregate, scope.everything, False, "none", flags, True)
    held: dict[int, dict[str, int]] = {}
    for severity, key, number in statement.rows(db, _values(scope, selection, bounds)):
        held.setdefault(key, {})[SEVERITIES[severity]] = number
    return held


def _values(scope: Scope, selection: Selection | None, bounds: tuple[int, int]) -> dict[str, Any]:
    start, end = bounds
    return variables(scope, selection) | {"start": start, "end": end}


SHOWN = {name: tables.metadata.tables[name] for name in OWNERS}


def _rows(everything: bool) -> Select[Any]:
    owners: Any = alert
    for name, table in SHOWN.items():
        owners = owners.outerjoin(table, table.c.id == alert.c[f"{name}_id"])
    uuids = (table.c.uuid.label(name) for name, table in SHOWN.items())
    return select(alert, *uuids).select_from(owners).where(visible_alert(everything=everything))


def _completed(_db: Connection, scope: Scope, entries: list[Entry]) -> list[Entry]:
    """Show alerts; messages that are not told to everybody, and labels, to admins only."""
    shown = [_shown(entry, all_of_it=scope.everything or entry["told"]) for entry in entries]
    if not scope.everything:
        return shown
    labels = (json.loads(entry["labels"] or "{}") for entry in entries)
    return [entry | {"labels": found} for entry, found in zip(shown, labels, strict=True)]


def _shown(entry: Entry, *, all_of_it: bool) -> Entry:
    of = entry[entry["kind"]] if entry["kind"] else None
    return {
        "uuid": entry["uuid"],
        "severity": SEVERITIES[entry["severity"]],
        "alert_type": entry["alert_type"],
        "message": entry["message"] if all_of_it else entry["alert_type"],
        "scope": {entry["kind"]: of} if of else None,
        "created_at": entry["created_at"],
        "closed_at": None if entry["until"] == FOREVER else entry["until"],
        "acknowledged": entry["acknowledged_at"] is not None,
        "source": entry["source"],
    }


def _group_of(rows: Any, uuids: Sequence[str]) -> ColumnElement[bool]:
    wanted = select(group.c.id).where(group.c.uuid.in_(uuids))
    held = select(alert_group.c.alert_id).where(
        alert_group.c.alert_id == rows.c.id, alert_group.c.project_group_id.in_(wanted)
    )
    return held.correlate(rows).exists()


def _is(test: Callable[[Any], ColumnElement[bool]]) -> Condition:
    return lambda rows, wanted: test(rows) if wanted[0] else ~test(rows)


ALERTS = Listing(
    _rows,
    _completed,
    order=("created_at", "id"),
    newest_first=True,
    conditions={
        "severity": lambda rows, wanted: rows.c.severity.in_([*map(SEVERITIES.index, wanted)]),
        "project_group": _group_of,
        "opened": _is(lambda rows: rows.c.until == FOREVER),
        "acknowledged": _is(lambda rows: rows.c.acknowledged_at.is_not(None)),
        "start": lambda rows, start: rows.c.until >= start[0],
        "end": lambda rows, end: rows.c.created_at < end[0],
    },
)
"""Newest first. By customer, group and so on those are filtered that are of it, or below it."""
