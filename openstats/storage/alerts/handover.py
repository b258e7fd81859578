"""Alerts at a move: what is open ends for the former owner, and opens for the new one.

Whose alerts are stays as it was while they were open, so the past is not changed here, but for that
of tenants that nobody ever owned: they bring it along.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Table, bindparam, delete, insert, select, update

from openstats.storage.alerts import episodes
from openstats.storage.alerts import rows as alert_rows
from openstats.storage.dialects import one_of
from openstats.storage.schema import tables
from openstats.storage.schema.alerts import STILL_OPEN, alert, alert_episode, alert_group
from openstats.storage.schema.types import FOREVER

project, group, member = tables.project, tables.project_group, tables.project_group_member
tenant = tables.tenant

Row = dict[str, Any]
Owners = dict[str, int | None]


def hand_over(db: Connection, moved: Table, rows: Collection[int], now: int) -> None:
    """Part the open alerts below tenants or projects (row ids) that belong to others as of now.

    What a receiver is told since is about the new owner's alert. The number of statements does not
    depend on that of alerts.
    """
    owners, first = _owners(db, moved, rows)
    below = alert.c[f"{moved.name}_id"]
    found = select(alert).where(one_of(below, "rows"))
    open_ones = db.execute(found.where(*STILL_OPEN), {"rows": sorted(set(rows) - first)})
    known = [dict(row) for row in open_ones.mappings()]
    _part(db, [row for row in known if row["created_at"] < now], owners, below.name, now)
    given = [row for row in known if row["created_at"] >= now]
    if first:
        given += map(dict, db.execute(found, {"rows": sorted(first)}).mappings())
    _give(db, [row["id"] for row in given], [owners[row[below.name]] for row in given])


def _owners(
    db: Connection, moved: Table, rows: Collection[int]
) -> tuple[dict[int, Owners], set[int]]:
    """Return whose rows are by now, and which of them never had another owner."""
    if moved is tenant:
        columns = tenant.c.id, tenant.c.project_id, project.c.customer_id, tenant.c.project_since
        found = select(*columns).outerjoin(project, project.c.id == tenant.c.project_id)
    else:
        found = select(project.c.id, project.c.id, project.c.customer_id, project.c.customer_since)
    owners: dict[int, Owners] = {}
    first: set[int] = set()
    chosen = found.where(one_of(moved.c.id, "rows"))
    for row, project_id, customer_id, since in db.execute(chosen, {"rows": sorted(rows)}):
        owners[row] = {"project_id": project_id, "customer_id": customer_id}
        first |= set() if since else {row}
    return owners, first


def _part(
    db: Connection, rows: Sequence[Row], owners: Mapping[int, Owners], below: str, now: int
) -> None:
    """End alerts, and open those that go on with them, with the episodes that go on."""
    if not rows:
        return
    ended = [{"row": row["id"]} | alert_rows.times(row["created_at"], now) for row in rows]
    _update(db, ended)
    times = alert_rows.times(now, FOREVER)
    opened = [row | owners[row[below]] | times | {"uuid": str(uuid4())} for row in rows]
    for row in opened:
        del row["id"]
    db.execute(insert(alert), opened)
    written = select(alert.c.uuid, alert.c.id).where(one_of(alert.c.uuid, "uuids"))
    ids = dict(db.execute(written, {"uuids": [row["uuid"] for row in opened]}).all())
    new = {row["id"]: ids[other["uuid"]] for row, other in zip(rows, opened, strict=True)}
    _regroup(db, [*new.values()])
    _part_episodes(db, new, now)


def _part_episodes(db: Connection, new: Mapping[int, int], now: int) -> None:
    """End the episodes that are open in alerts, and have parts of them begin in the new ones."""
    going_on = one_of(alert_episode.c.alert_id, "rows"), alert_episode.c.ended_at.is_(None)
    values = {"rows": sorted(new)}
    found = db.execute(select(alert_episode).where(*going_on), values).mappings().all()
    db.execute(update(alert_episode).where(*going_on).values(ended_at=now), values)
    begun = [
        dict(row)
        | {"start": episodes.later_key(row["start"], now), "alert_id": new[row["alert_id"]]}
        | {"started_at": now}
        for row in found
    ]
    if begun:
        db.execute(insert(alert_episode), begun)


def _give(db: Connection, rows: Sequence[int], owners: Sequence[Owners]) -> None:
    """Give alerts to other owners as a whole."""
    _update(db, [{"row": row} | owner for row, owner in zip(rows, owners, strict=True)])
    if rows:
        below = delete(alert_group).where(one_of(alert_group.c.alert_id, "rows"))
        db.execute(below, {"rows": rows})
        _regroup(db, rows)


def _update(db: Connection, rows: Sequence[Row]) -> None:
    if rows:
        values: Row = {name: bindparam(name) for name in rows[0] if name != "row"}
        db.execute(update(alert).where(alert.c.id == bindparam("row")).values(values), rows)


def _regroup(db: Connection, rows: Sequence[int]) -> None:
    """Put alerts below their projects' groups; those of the former customer are left just now."""
    owned = alert.join(member, member.c.project_id == alert.c.project_id)
    owned = owned.join(group, group.c.id == member.c.project_group_id)
    found = select(alert.c.id, group.c.id).select_from(owned)
    found = found.where(group.c.customer_id == alert.c.customer_id, one_of(alert.c.id, "rows"))
    columns = alert_group.c.alert_id, alert_group.c.project_group_id
    db.execute(insert(alert_group).from_select(columns, found), {"rows": rows})
