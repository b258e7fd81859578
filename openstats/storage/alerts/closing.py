"""Alerts at an end: what is open ends with what it is of, or below.

A receiver that tells of it since tells of nobody's alert: see ``histories``.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from openstats.storage.alerts import rows as alert_rows
from openstats.storage.dialects import one_of
from openstats.storage.schema.alerts import STILL_OPEN, alert, alert_episode
from openstats.storage.store import advisory_lock


def close_of_owners(db: Connection, owner: str, rows: Collection[int], now: int) -> None:
    """End the open alerts of owners (row ids), one of ``alert_schema.OWNERS``, or below them."""
    _end(db, [one_of(alert.c[f"{owner}_id"], "ended")], sorted(rows), now)


def close_of_instances(db: Connection, cloud: int, uuids: Collection[str], now: int) -> None:
    """End the open alerts of a cloud's instances."""
    mine = [alert.c.cloud_id == cloud, one_of(alert.c.instance, "ended")]
    _end(db, mine, sorted(uuids), now)


def _end(db: Connection, which: list[Any], ended: list[Any], now: int) -> None:
    if not ended:
        return
    advisory_lock(db, "alerts")
    chosen = select(alert.c.id, alert.c.created_at).where(*STILL_OPEN, *which)
    found = db.execute(chosen, {"ended": ended}).all()
    if not found:
        return
    times = [
        {"row": row} | alert_rows.times(created_at, max(created_at, now))
        for row, created_at in found
    ]
    values: dict[str, Any] = {name: bindparam(name) for name in times[0] if name != "row"}
    db.execute(update(alert).where(alert.c.id == bindparam("row")).values(values), times)
    going_on = one_of(alert_episode.c.alert_id, "rows"), alert_episode.c.ended_at.is_(None)
    over = update(alert_episode).where(*going_on).values(ended_at=now, heard_at=None, voices=None)
    db.execute(over, {"rows": [row for row, _ in found]})
