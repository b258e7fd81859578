"""Handover of alerts at a move: open alerts end for the former owner and begin for the new one.

Past alerts keep their owners, except those of tenants that never had an owner: the first owner gets
them.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any
from uuid import uuid4

from sqlalchemy import Select, Table, delete, insert, select, update

from openstats.storage.alerts.episodes import later_key
from openstats.storage.alerts.rows import ids_of, time_columns, update_alerts
from openstats.storage.dialects import one_of
from openstats.storage.schema import tables
from openstats.storage.schema.alerts import STILL_OPEN, alert, alert_episode, alert_group
from openstats.storage.schema.types import FOREVER
from openstats.storage.store import Database

project, group, member = tables.project, tables.project_group, tables.project_group_member
tenant = tables.tenant

Columns = dict[str, Any]
Owners = dict[str, int | None]


def hand_over(db: Database, table: Table, row_ids: Collection[int], now: int) -> None:
    """Give the open alerts below tenants or projects to their present owners.

    ``table`` is the table of the tenants or projects (``row_ids``), which have moved at ``now``.
    Later reports of a receiver belong to the new owner's alert. The number of statements does not
    depend on the number of alerts.
    """
    owners, unowned_ids = _present_owners(db, table, row_ids)
    below = alert.c[f"{table.name}_id"]

    def owners_of(row: Columns) -> Owners:
        return owners[row[below.name]]

    alerts = select(alert).where(one_of(below, "row_ids"))
    older: list[Columns] = []
    reassigned = _rows(db, alerts, unowned_ids)
    for row in _rows(db, alerts.where(*STILL_OPEN), set(row_ids) - unowned_ids):
        (older if row["created_at"] < now else reassigned).append(row)
    _continue(db, older, owners_of, now)
    _reassign(db, reassigned, owners_of)


def _rows(db: Database, query: Select[Any], row_ids: Collection[int]) -> list[Columns]:
    if not row_ids:
        return []
    rows = db.execute(query, {"row_ids": sorted(row_ids)})
    return [dict(row) for row in rows.mappings()]


def _present_owners(
    db: Database, table: Table, row_ids: Collection[int]
) -> tuple[dict[int, Owners], set[int]]:
    """Return the owners of tenants or projects, and which of them never had another owner."""
    if table is tenant:
        columns = tenant.c.id, tenant.c.project_id, project.c.customer_id, tenant.c.project_since
        query = select(*columns).outerjoin(project, project.c.id == tenant.c.project_id)
    else:
        query = select(project.c.id, project.c.id, project.c.customer_id, project.c.customer_since)
    owners: dict[int, Owners] = {}
    unowned_ids: set[int] = set()
    rows = db.execute(query.where(one_of(table.c.id, "row_ids")), {"row_ids": sorted(row_ids)})
    for row_id, project_id, customer_id, owner_since in rows:
        owners[row_id] = {"project_id": project_id, "customer_id": customer_id}
        if not owner_since:
            unowned_ids.add(row_id)
    return owners, unowned_ids


def _continue(
    db: Database, rows: Sequence[Columns], owners_of: Callable[[Columns], Owners], now: int
) -> None:
    """Close alerts; open one of the new owner for each, with a part of its open episodes."""
    if not rows:
        return
    closed, successors = [], []
    for row in rows:
        closed.append({"row_id": row["id"]} | time_columns(row["created_at"], now))
        successor = row | owners_of(row) | time_columns(now, FOREVER) | {"uuid": str(uuid4())}
        del successor["id"]
        successors.append(successor)
    update_alerts(db, closed)
    db.execute(insert(alert), successors)
    successor_ids = ids_of(db, [successor["uuid"] for successor in successors])
    _set_groups(db, successor_ids)
    ids = [row["id"] for row in rows]
    _continue_episodes(db, dict(zip(ids, successor_ids, strict=True)), now)


def _continue_episodes(db: Database, successor_ids: Mapping[int, int], now: int) -> None:
    """End the open episodes of alerts, and begin new parts of them in the successors."""
    of_alerts = one_of(alert_episode.c.alert_id, "alert_ids")
    open_episodes = of_alerts, alert_episode.c.ended_at.is_(None)
    parameters = {"alert_ids": sorted(successor_ids)}
    query = select(alert_episode).where(*open_episodes)
    rows = [dict(row) for row in db.execute(query, parameters).mappings()]
    db.execute(update(alert_episode).where(*open_episodes).values(ended_at=now), parameters)
    for row in rows:
        row["start"] = later_key(row["start"], now)
        row["alert_id"] = successor_ids[row["alert_id"]]
        row["started_at"] = now
    if rows:
        db.execute(insert(alert_episode), rows)


def _reassign(
    db: Database, rows: Sequence[Columns], owners_of: Callable[[Columns], Owners]
) -> None:
    """Give alerts to other owners, with all their past."""
    if not rows:
        return
    update_alerts(db, [{"row_id": row["id"]} | owners_of(row) for row in rows])
    ids = [row["id"] for row in rows]
    old_groups = delete(alert_group).where(one_of(alert_group.c.alert_id, "alert_ids"))
    db.execute(old_groups, {"alert_ids": ids})
    _set_groups(db, ids)


def _set_groups(db: Database, alert_ids: Sequence[int]) -> None:
    """Add alerts to the present groups of their projects, except groups of a former customer.

    The statement is::

        INSERT INTO alert_group
        SELECT alert.id, project_group.id FROM alert
        JOIN project_group_member USING (project_id) JOIN project_group ON …
        WHERE project_group.customer_id = alert.customer_id AND alert.id IN (…)
    """
    joined_groups = alert.join(member, member.c.project_id == alert.c.project_id)
    joined_groups = joined_groups.join(group, group.c.id == member.c.project_group_id)
    query = select(alert.c.id, group.c.id).select_from(joined_groups)
    same_customer = group.c.customer_id == alert.c.customer_id
    query = query.where(same_customer, one_of(alert.c.id, "alert_ids"))
    columns = alert_group.c.alert_id, alert_group.c.project_group_id
    db.execute(insert(alert_group).from_select(columns, query), {"alert_ids": alert_ids})
