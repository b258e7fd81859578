"""Storage of episodes: the alert of each episode, and the parts in which it is stored.

If the subject of an episode moves to another owner, the episode is stored in parts, one for each
owner, each in an alert of that owner. Each part is a row. The key of the first part is the
episode's own start; the key of a later part consists of the time when it began and a hash of that
start. ``statistics.episodes`` decides which alerts episodes make.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, select, update

from openstats.alerts import Episode, Notification
from openstats.storage.dialects import one_of
from openstats.storage.schema.alerts import alert, alert_episode
from openstats.storage.store import Database, advisory_lock

DIGITS = 32
LATER_KEY = re.compile(rf"([0-9]+)\|([0-9a-f]{{{DIGITS}}})")

ALERT_HAS_OPEN_EPISODE = (
    select(alert_episode.c.alert_id)
    .where(alert_episode.c.alert_id == alert.c.id, alert_episode.c.ended_at.is_(None))
    .exists()
)
"""The condition that a receiver's alert is firing."""


def read_episodes(
    db: Database,
    source: str,
    notifications: Sequence[Notification],
    *,
    now: int,
    reopen_within: int,
) -> dict[str, dict[str, Episode]]:
    """Return the episodes that notifications may be about, or that may be joined with theirs.

    They are by fingerprint and start. The lock on alerts is held until the end of the transaction::

        SELECT alert_episode.* FROM alert_episode JOIN alert ON …
        WHERE source = :source AND fingerprint IN (…) AND alert.until >= :earliest
    """
    advisory_lock(db, "alerts")
    fingerprints = {notification.fingerprint for notification in notifications}
    starts = {notification.start for notification in notifications}
    parameters = {"fingerprints": sorted(fingerprints), "starts": sorted(starts)}
    of_these = alert_episode.c.source == source, one_of(alert_episode.c.fingerprint, "fingerprints")
    stored_start = db.scalar(
        select(func.min(alert_episode.c.started_at)).where(
            *of_these, one_of(alert_episode.c.start, "starts")
        ),
        parameters,
    )
    # If a sender's clock is ahead, the stored time is the earlier one.
    earliest = min([now if stored_start is None else stored_start, now, *_starts(notifications)])
    query = select(alert_episode).join(alert, alert.c.id == alert_episode.c.alert_id)
    query = query.where(*of_these, alert.c.until >= earliest - reopen_within)
    rows: dict[str, list[Row[Any]]] = {}
    for row in db.execute(query, parameters):
        rows.setdefault(row.fingerprint, []).append(row)
    return {fingerprint: assemble(parts, starts) for fingerprint, parts in rows.items()}


def _starts(notifications: Iterable[Notification]) -> list[int]:
    return [notification.started_at for notification in notifications]


def part_columns(part: Episode) -> dict[str, Any]:
    """Return the columns of a part, without those that identify its alert."""
    return {
        "start": key_of(part),
        "started_at": part.started_at,
        "ended_at": part.ended_at,
        "heard_at": part.reported_at,
        "voices": json.dumps(sorted(part.senders)) if any(part.senders) else None,
    }


def delete_episodes(db: Database, source: str, keys: Mapping[str, Collection[str]]) -> None:
    """Delete parts of episodes by fingerprint and key."""
    rows = []
    for fingerprint, fingerprint_keys in keys.items():
        for key in sorted(fingerprint_keys):
            rows.append({"of_fingerprint": fingerprint, "key": key})
    if rows:
        columns = alert_episode.c
        same_alert = columns.fingerprint == bindparam("of_fingerprint")
        same_part = columns.source == source, same_alert, columns.start == bindparam("key")
        db.execute(delete(alert_episode).where(*same_part), rows)


def end_episodes(
    db: Database, alert_ids: Collection[int], ended_at: int, *, reported_at: int | None = None
) -> None:
    """End the open episodes of alerts; ``reported_at`` is None if no sender reported the end."""
    of_alerts = one_of(alert_episode.c.alert_id, "alert_ids")
    query = update(alert_episode).where(of_alerts, alert_episode.c.ended_at.is_(None))
    columns = {"ended_at": ended_at, "heard_at": reported_at, "voices": None}
    db.execute(query.values(columns), {"alert_ids": sorted(alert_ids)})


def key_of(part: Episode) -> str:
    """Return the key under which a part is stored."""
    return later_key(part.start, part.owner_since) if part.owner_since else part.start


def later_key(start: str, since: int) -> str:
    """Return the key of the part since a time; ``start`` may be the key of another part."""
    return f"{since}|{_digest(start)}"


def _digest(start: str) -> str:
    match = LATER_KEY.fullmatch(start)
    return match[2] if match else sha256(start.encode()).hexdigest()[:DIGITS]


def assemble(rows: Sequence[Row[Any]], starts: Collection[str]) -> dict[str, Episode]:
    """Return episodes by start, assembled from their rows; ``starts`` are known starts.

    If an episode's start is not among them and its first part is missing, the key of a part stands
    for the start.
    """
    keys = {row.start for row in rows}
    if not any(map(LATER_KEY.fullmatch, keys)):
        return {row.start: _part(row, row.start, 0) for row in rows}
    starts_of = {_digest(key): key for key in (*starts, *keys) if not LATER_KEY.fullmatch(key)}
    episodes: dict[str, list[Episode]] = {}
    for row in sorted(rows, key=lambda row: int(row.started_at)):
        start = starts_of.get(_digest(row.start), row.start)
        match = LATER_KEY.fullmatch(row.start)
        owner_since = int(match[1]) if match and start != row.start else 0
        episodes.setdefault(start, []).append(_part(row, start, owner_since))
    return {start: _whole(parts) for start, parts in episodes.items()}


def _part(row: Row[Any], start: str, owner_since: int) -> Episode:
    return Episode(
        start,
        row.started_at,
        row.ended_at,
        reported_at=row.heard_at,
        alert_id=row.alert_id,
        senders=frozenset(json.loads(row.voices)) if row.voices else frozenset(),
        owner_since=owner_since,
    )


def _whole(parts: Sequence[Episode]) -> Episode:
    """Return the episode of these parts: the state of the last one, the start of the first."""
    if len(parts) == 1:
        return parts[0]
    first, last = parts[0], parts[-1]
    return replace(
        last, started_at=first.started_at, owner_since=0, alert_id=None, parts=tuple(parts)
    )
