"""Closing of alerts for three reasons, and deletion of old ones.

Alerts are closed here with their subjects, when no sender reports them any more, and when a full
list of a sender's alerts lacks them. Other modules close alerts for other reasons.
``receiver_alerts`` closes an alert when a notification says that it has ended, ``rule_alerts`` when
a rule no longer finds its cause, and ``caller_alerts`` when a caller asks for it; ``handover``
closes the former owner's alert at a move.

A later notification about a deleted subject has no owner: see ``histories``.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, or_, select, update

from openstats.storage.alerts.episodes import ALERT_HAS_OPEN_EPISODE, end_episodes
from openstats.storage.alerts.rows import time_columns, update_alerts
from openstats.storage.dialects import one_of
from openstats.storage.schema.alerts import STILL_OPEN, alert, alert_episode
from openstats.storage.store import Database, advisory_lock


def close_of_owners(db: Database, owner: str, row_ids: Collection[int], now: int) -> None:
    """Close the open alerts on or below owners; ``owner`` is one of ``OWNERS`` of the schema."""
    _close_matching(db, [one_of(alert.c[f"{owner}_id"], "keys")], row_ids, now)


def close_of_instances(db: Database, cloud_id: int, uuids: Collection[str], now: int) -> None:
    """Close the open alerts on instances of a cloud."""
    conditions = [alert.c.cloud_id == cloud_id, one_of(alert.c.instance, "keys")]
    _close_matching(db, conditions, uuids, now)


def _close_matching(
    db: Database, conditions: list[ColumnElement[bool]], keys: Collection[Any], now: int
) -> None:
    if not keys:
        return
    advisory_lock(db, "alerts")
    query = select(alert.c.id, alert.c.created_at).where(*STILL_OPEN, *conditions)
    rows = db.execute(query, {"keys": sorted(keys)}).all()
    close_rows(db, rows, now)


def close_rows(
    db: Database, rows: Collection[Any], now: int, *, reported_at: int | None = None
) -> None:
    """Close alerts, given as rows with ``id`` and ``created_at``, and end their episodes."""
    if not rows:
        return
    closed = []
    for row in rows:
        times = time_columns(row.created_at, max(row.created_at, now))
        closed.append({"row_id": row.id, **times})
    update_alerts(db, closed)
    end_episodes(db, [row.id for row in rows], now, reported_at=reported_at)


def close_stale(db: Database, reported_before: int) -> None:
    """Close receivers' alerts that were not reported since a time, as of their last report."""
    advisory_lock(db, "alerts")
    stale = *STILL_OPEN, alert.c.seen_at < reported_before, ALERT_HAS_OPEN_EPISODE
    for row in db.execute(select(alert).where(*stale)).all():
        _close_as_of(db, row, row.seen_at)


def _close_as_of(db: Database, row: Row[Any], at: int) -> None:
    """Close an alert as of a time in the past.

    If that time is before the move to the present owner, the present owner's alert is deleted, and
    the former owner's alert is closed.
    """
    while row.created_at > at and (predecessor := _predecessor(db, row)):
        db.execute(delete(alert).where(alert.c.id == row.id))
        row = predecessor
    until = max(row.created_at, at)
    update_alerts(db, [{"row_id": row.id, **time_columns(row.created_at, until)}])
    # In a former owner's alert, the episodes ended with the move; they now end earlier.
    columns = alert_episode.c
    open_then = or_(columns.ended_at.is_(None), columns.ended_at > until)
    query = update(alert_episode).where(columns.alert_id == row.id, open_then)
    db.execute(query.values(ended_at=until, heard_at=None, voices=None))


def _predecessor(db: Database, row: Row[Any]) -> Row[Any] | None:
    """Return the former owner's alert that continued as this one at a move; None for none."""
    columns = alert_episode.c
    query = select(alert).join(alert_episode, alert.c.id == columns.alert_id)
    query = query.where(columns.source == row.source, columns.fingerprint == row.fingerprint)
    query = query.where(alert.c.until == row.created_at, alert.c.id != row.id)
    return db.execute(query.limit(1)).first()


def firing_fingerprints(db: Database, source: str) -> frozenset[str]:
    """Return the fingerprints of a receiver's open alerts."""
    open_here = *STILL_OPEN, alert.c.source == source, ALERT_HAS_OPEN_EPISODE
    return frozenset(db.scalars(select(alert.c.fingerprint).where(*open_here)))


def close_absent(
    db: Database, source: str, fingerprints: Collection[str], *, reported_before: int, now: int
) -> int:
    """Close a receiver's open alerts with these fingerprints that were not reported since a time.

    Return the number of closed alerts.
    """
    advisory_lock(db, "alerts")
    of_receiver = alert.c.source == source, one_of(alert.c.fingerprint, "fingerprints")
    unreported = alert.c.seen_at < reported_before, ALERT_HAS_OPEN_EPISODE
    query = select(alert.c.id, alert.c.created_at).where(*STILL_OPEN, *of_receiver, *unreported)
    rows = db.execute(query, {"fingerprints": sorted(fingerprints)}).all()
    close_rows(db, rows, now, reported_at=now)
    return len(rows)


def delete_closed(db: Database, closed_before: int) -> int:
    """Delete alerts that were closed before a time; return their number."""
    # The second condition implies the first; the index is searched by the first.
    over = alert.c.created_at < closed_before, alert.c.until < closed_before
    return db.execute(delete(alert).where(*over)).rowcount
