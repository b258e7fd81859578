"""Closing of alerts for three reasons, and deletion of old ones.

Alerts are closed here with their subjects, when no sender reports them any more, and when a full
list of a sender's alerts lacks them. Other modules close alerts for other reasons.
``receiver_alerts`` closes an alert when a notification says that it has ended, ``rule_alerts`` when
a rule no longer finds its cause, and ``caller_alerts`` when a caller asks for it; ``handover``
closes the former owner's alert at a move.

A later notification about a deleted subject has no owner: see ``histories``.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields

from sqlalchemy import ColumnElement, delete, or_, select, update

from openstats.storage.alerts.episodes import ALERT_HAS_OPEN_EPISODE, end_episodes
from openstats.storage.alerts.rows import time_columns, update_alerts
from openstats.storage.dialects import advisory_lock, one_of
from openstats.storage.schema.alerts import STILL_OPEN, alert, alert_episode
from openstats.storage.store import Database


@dataclass(frozen=True, slots=True)
class StaleAlert:
    """A stale alert, or the former owner's alert that it continues."""

    id: int
    source: str
    fingerprint: str
    created_at: int
    reported_at: int


STALE_COLUMNS = [alert.c[field.name] for field in fields(StaleAlert)]


def close_of_owners(db: Database, owner: str, row_ids: Collection[int], now: int) -> None:
    """Close the open alerts on or below owners; ``owner`` is one of ``OWNERS`` of the schema."""
    of_owners = one_of(alert.c[f"{owner}_id"], "row_ids")
    _close_matching(db, [of_owners], {"row_ids": sorted(row_ids)}, now)


def close_of_instances(db: Database, cloud_id: int, uuids: Collection[str], now: int) -> None:
    """Close the open alerts on instances of a cloud."""
    conditions = [alert.c.cloud_id == cloud_id, one_of(alert.c.instance, "uuids")]
    _close_matching(db, conditions, {"uuids": sorted(uuids)}, now)


def _close_matching(
    db: Database,
    conditions: Sequence[ColumnElement[bool]],
    parameter: Mapping[str, Sequence[object]],
    now: int,
) -> None:
    """Close the open alerts that match; ``parameter`` is the list in the conditions."""
    if not any(parameter.values()):
        return
    advisory_lock(db, "alerts")
    query = select(alert.c.id, alert.c.created_at).where(*STILL_OPEN, *conditions)
    close_alerts(db, dict(db.execute(query, parameter).all()), now)


def close_alerts(
    db: Database, created_at: Mapping[int, int], now: int, *, reported_at: int | None = None
) -> None:
    """Close alerts and end their episodes; ``created_at`` has their creation times by row id."""
    if not created_at:
        return
    closed = {}
    for row_id, creation in created_at.items():
        closed[row_id] = time_columns(creation, max(creation, now))
    update_alerts(db, closed)
    end_episodes(db, created_at.keys(), now, reported_at=reported_at)


def close_stale(db: Database, reported_before: int) -> None:
    """Close receivers' alerts that were not reported since a time, as of their last report."""
    advisory_lock(db, "alerts")
    unreported = *STILL_OPEN, alert.c.reported_at < reported_before, ALERT_HAS_OPEN_EPISODE
    for columns in db.execute(select(*STALE_COLUMNS).where(*unreported)).all():
        stale = StaleAlert(*columns)
        _close_as_of(db, stale, stale.reported_at)


def _close_as_of(db: Database, stale: StaleAlert, at: int) -> None:
    """Close an alert as of a time in the past.

    If that time is before the move to the present owner, the present owner's alert is deleted, and
    the former owner's alert is closed.
    """
    while stale.created_at > at and (predecessor := _predecessor(db, stale)):
        db.execute(delete(alert).where(alert.c.id == stale.id))
        stale = predecessor
    until = max(stale.created_at, at)
    update_alerts(db, {stale.id: time_columns(stale.created_at, until)})
    # In a former owner's alert, the episodes ended with the move; they now end earlier.
    columns = alert_episode.c
    open_then = or_(columns.ended_at.is_(None), columns.ended_at > until)
    query = update(alert_episode).where(columns.alert_id == stale.id, open_then)
    db.execute(query.values(ended_at=until, reported_at=None, senders=None))


def _predecessor(db: Database, stale: StaleAlert) -> StaleAlert | None:
    """Return the former owner's alert that continued as this one at a move; None for none."""
    columns = alert_episode.c
    query = select(*STALE_COLUMNS).join(alert_episode, alert.c.id == columns.alert_id)
    query = query.where(columns.source == stale.source, columns.fingerprint == stale.fingerprint)
    query = query.where(alert.c.until == stale.created_at, alert.c.id != stale.id)
    row = db.execute(query.limit(1)).first()
    return StaleAlert(*row) if row else None


def firing_fingerprints(db: Database, source: str) -> frozenset[str]:
    """Return the fingerprints of a receiver's open alerts."""
    firing = *STILL_OPEN, alert.c.source == source, ALERT_HAS_OPEN_EPISODE
    return frozenset(db.scalars(select(alert.c.fingerprint).where(*firing)))


def close_absent(
    db: Database, source: str, fingerprints: Collection[str], *, reported_before: int, now: int
) -> int:
    """Close a receiver's open alerts with these fingerprints that were not reported since a time.

    Return the number of closed alerts.
    """
    advisory_lock(db, "alerts")
    of_receiver = alert.c.source == source, one_of(alert.c.fingerprint, "fingerprints")
    unreported = alert.c.reported_at < reported_before, ALERT_HAS_OPEN_EPISODE
    query = select(alert.c.id, alert.c.created_at).where(*STILL_OPEN, *of_receiver, *unreported)
    created_at = dict(db.execute(query, {"fingerprints": sorted(fingerprints)}).all())
    close_alerts(db, created_at, now, reported_at=now)
    return len(created_at)


def delete_closed(db: Database, closed_before: int) -> int:
    """Delete alerts that were closed before a time; return their number."""
    # The second condition implies the first; the index is searched by the first.
    closed = alert.c.created_at < closed_before, alert.c.until < closed_before
    return db.execute(delete(alert).where(*closed)).rowcount
