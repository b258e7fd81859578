"""Handover of alerts at a move: open alerts end for the former owner and begin for the new one.

Past alerts keep their owners, except those of tenants that never had an owner: the first owner gets
them.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
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

COPIED_COLUMNS = [column for column in alert.c if column is not alert.c.id]
"""The columns that the alert of the new owner takes over, unless they change."""


@dataclass(frozen=True, slots=True)
class Owners:
    """The row ids of a project and its customer, named like the columns of an alert."""

    project_id: int | None
    customer_id: int | None


@dataclass(frozen=True, slots=True)
class MovedAlert:
    """An alert on or below a tenant or project that has moved, and its present owners."""

    id: int
    created_at: int
    owners: Owners


def hand_over(db: Database, table: Table, row_ids: Collection[int], now: int) -> None:
    """Give the open alerts below tenants or projects to their present owners.

    ``table`` is the table of the tenants or projects (``row_ids``), which have moved at ``now``.
    Later reports of a receiver belong to the new owner's alert. The number of statements does not
    depend on the number of alerts.
    """
    owners, unowned_ids = _present_owners(db, table, row_ids)
    moved_id = alert.c[f"{table.name}_id"]
    alerts = select(alert.c.id, alert.c.created_at, moved_id).where(one_of(moved_id, "row_ids"))
    older: list[MovedAlert] = []
    reassigned = _moved_alerts(db, alerts, unowned_ids, owners)
    still_open = alerts.where(*STILL_OPEN)
    for moved in _moved_alerts(db, still_open, set(row_ids) - unowned_ids, owners):
        (older if moved.created_at < now else reassigned).append(moved)
    _continue(db, older, now)
    _reassign(db, reassigned)


def _moved_alerts(
    db: Database,
    query: Select[int, int, int],
    row_ids: Collection[int],
    owners: Mapping[int, Owners],
) -> list[MovedAlert]:
    if not row_ids:
        return []
    rows = db.execute(query, {"row_ids": sorted(row_ids)})
    return [MovedAlert(row_id, created_at, owners[moved]) for row_id, created_at, moved in rows]


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
        owners[row_id] = Owners(project_id, customer_id)
        if not owner_since:
            unowned_ids.add(row_id)
    return owners, unowned_ids


def _continue(db: Database, alerts: Sequence[MovedAlert], now: int) -> None:
    """Close alerts; open one of the new owner for each, with a part of its open episodes."""
    if not alerts:
        return
    successors = _successors(db, alerts, now)
    update_alerts(db, {moved.id: time_columns(moved.created_at, now) for moved in alerts})
    uuids = {row_id: str(uuid4()) for row_id in successors}
    rows = [columns | {"uuid": uuids[row_id]} for row_id, columns in successors.items()]
    db.execute(insert(alert), rows)
    successor_ids = ids_of(db, [*uuids.values()])
    _set_groups(db, successor_ids)
    _continue_episodes(db, dict(zip(uuids, successor_ids, strict=True)), now)


def _successors(
    db: Database, alerts: Sequence[MovedAlert], now: int
) -> dict[int, dict[str, object]]:
    """Return the columns of the new owners' alerts, without uuids, by the former row ids."""
    owners = {moved.id: moved.owners for moved in alerts}
    query = select(alert.c.id, *COPIED_COLUMNS).where(one_of(alert.c.id, "alert_ids"))
    names = [column.key for column in COPIED_COLUMNS]
    successors = {}
    for row_id, *values in db.execute(query, {"alert_ids": sorted(owners)}):
        columns = dict(zip(names, values, strict=True)) | asdict(owners[row_id])
        successors[row_id] = columns | time_columns(now, FOREVER)
    return successors


def _continue_episodes(db: Database, successor_ids: Mapping[int, int], now: int) -> None:
    """End the open episodes of alerts, and begin new parts of them in the successors."""
    of_alerts = one_of(alert_episode.c.alert_id, "alert_ids")
    open_episodes = of_alerts, alert_episode.c.ended_at.is_(None)
    parameters = {"alert_ids": sorted(successor_ids)}
    parts = []
    for row in db.execute(select(alert_episode).where(*open_episodes), parameters):
        part = {
            "source": row.source,
            "fingerprint": row.fingerprint,
            "start": later_key(row.start, now),
            "alert_id": successor_ids[row.alert_id],
            "started_at": now,
            "reported_at": row.reported_at,
            "senders": row.senders,
        }
        parts.append(part)
    db.execute(update(alert_episode).where(*open_episodes).values(ended_at=now), parameters)
    if parts:
        db.execute(insert(alert_episode), parts)


def _reassign(db: Database, alerts: Sequence[MovedAlert]) -> None:
    """Give alerts to other owners, with all their past."""
    if not alerts:
        return
    update_alerts(db, {moved.id: asdict(moved.owners) for moved in alerts})
    ids = [moved.id for moved in alerts]
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
