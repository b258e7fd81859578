"""Alerts at a move: what is open ends for the former owner, and opens for the new one.

Whose alerts are stays as it was while they were open, so the past is not changed here.
"""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Table, delete, insert, select, update

from openstats.storage import opening, schema
from openstats.storage.alert_schema import STILL_OPEN, alert, alert_episode, alert_group
from openstats.storage.columns import FOREVER
from openstats.storage.store import alone
from openstats.storage.upsert import one_of

project, group, member = schema.project, schema.project_group, schema.project_group_member


def follow(db: Connection, moved: Table, rows: Collection[int], now: int) -> None:
    """Part the open alerts below tenants or projects (row ids) that belong to others as of now.

    What a receiver is told since is about the new owner's alert.
    """
    below = alert.c[f"{moved.name}_id"]
    chosen = select(alert).where(*STILL_OPEN, one_of(below, "rows"))
    if not db.execute(chosen.limit(1), {"rows": sorted(rows)}).first():
        return
    alone(db, "alerts")
    for found in db.execute(chosen, {"rows": sorted(rows)}).mappings().all():
        row = dict(found)
        owners = _owners(db, moved, row)
        if row["created_at"] < now:
            _part(db, row, owners, now)
        else:
            db.execute(update(alert).where(alert.c.id == row["id"]).values(owners))
            _regroup(db, row["id"], owners)


def _owners(db: Connection, moved: Table, row: Mapping[str, Any]) -> dict[str, int | None]:
    """Return whose an alert is by now: its project's, or its tenant's."""
    project_id = row["project_id"]
    if moved is schema.tenant:
        mine = schema.tenant.c.id == row["tenant_id"]
        project_id = db.scalar(select(schema.tenant.c.project_id).where(mine))
    customer_id = db.scalar(select(project.c.customer_id).where(project.c.id == project_id))
    return {"project_id": project_id, "customer_id": customer_id}


def _part(
    db: Connection, row: Mapping[str, Any], owners: Mapping[str, int | None], now: int
) -> None:
    ended = opening.times(row["created_at"], now)
    db.execute(update(alert).where(alert.c.id == row["id"]).values(ended))
    copied = {name: value for name, value in row.items() if name != "id"}
    opened = {"uuid": str(uuid4()), **owners, **opening.times(now, FOREVER)}
    new = db.execute(insert(alert).values(copied | opened).returning(alert.c.id)).scalar_one()
    _regroup(db, new, owners)
    mine = alert_episode.c.alert_id == row["id"]
    # What was over before is no part of the new owner's alert, nor to be joined with it.
    db.execute(delete(alert_episode).where(mine, alert_episode.c.ended_at.is_not(None)))
    db.execute(update(alert_episode).where(mine).values(alert_id=new, started_at=now))


def _regroup(db: Connection, row: int, owners: Mapping[str, int | None]) -> None:
    """Put an alert below its project's groups; those of the former customer are left just now."""
    db.execute(delete(alert_group).where(alert_group.c.alert_id == row))
    groups = select(group.c.id).join(member, member.c.project_group_id == group.c.id)
    own = member.c.project_id == owners["project_id"], group.c.customer_id == owners["customer_id"]
    found = [{"alert_id": row, "project_group_id": one} for one in db.scalars(groups.where(*own))]
    if found:
        db.execute(insert(alert_group), found)
