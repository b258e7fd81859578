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

from sqlalchemy import bindparam, delete, func, select, update

from openstats.alerts import Episode, Notification
from openstats.storage.dialects import advisory_lock, one_of
from openstats.storage.schema.alerts import alert, alert_episode
from openstats.storage.store import Database

DIGEST_LENGTH = 32
LATER_KEY = re.compile(rf"([0-9]+)\|([0-9a-f]{{{DIGEST_LENGTH}}})")
"""The key of a later part: when it began, and the hash of the episode's start."""

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
    parts: dict[str, list[Episode]] = {}
    for row in db.execute(query, parameters):
        part = Episode(
            row.start,
            row.started_at,
            row.ended_at,
            reported_at=row.reported_at,
            alert_id=row.alert_id,
            senders=frozenset(json.loads(row.senders or "[]")),
        )
        parts.setdefault(row.fingerprint, []).append(part)
    return {fingerprint: assemble(stored, starts) for fingerprint, stored in parts.items()}


def _starts(notifications: Iterable[Notification]) -> list[int]:
    return [notification.started_at for notification in notifications]


def part_columns(part: Episode) -> dict[str, object]:
    """Return the columns of a part, without those that identify its alert."""
    return {
        "start": key_of(part),
        "started_at": part.started_at,
        "ended_at": part.ended_at,
        "reported_at": part.reported_at,
        "senders": json.dumps(sorted(part.senders)) if any(part.senders) else None,
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
    columns = {"ended_at": ended_at, "reported_at": reported_at, "senders": None}
    db.execute(query.values(columns), {"alert_ids": sorted(alert_ids)})


def key_of(part: Episode) -> str:
    """Return the key under which a part is stored."""
    return later_key(part.start, part.owner_since) if part.owner_since else part.start


def later_key(start: str, since: int) -> str:
    """Return the key of the part since a time; ``start`` may be the key of another part."""
    return f"{since}|{_digest(start)}"


def _digest(start: str) -> str:
    match = LATER_KEY.fullmatch(start)
    return match[2] if match else sha256(start.encode()).hexdigest()[:DIGEST_LENGTH]


def assemble(parts: Sequence[Episode], starts: Collection[str]) -> dict[str, Episode]:
    """Return episodes by start, assembled from stored parts, whose starts are their keys.

    ``starts`` are known starts. If an episode's start is not among them and its first part is
    missing, the key of a part stands for the start.
    """
    keys = {part.start for part in parts}
    if not any(map(LATER_KEY.fullmatch, keys)):
        return {part.start: part for part in parts}
    starts_of = {_digest(key): key for key in (*starts, *keys) if not LATER_KEY.fullmatch(key)}
    episodes: dict[str, list[Episode]] = {}
    for part in sorted(parts, key=lambda part: part.started_at):
        start = starts_of.get(_digest(part.start), part.start)
        match = LATER_KEY.fullmatch(part.start)
        owner_since = int(match[1]) if match and start != part.start else 0
        part_of_start = replace(part, start=start, owner_since=owner_since)
        episodes.setdefault(start, []).append(part_of_start)
    return {start: _whole(ordered) for start, ordered in episodes.items()}


def _whole(parts: Sequence[Episode]) -> Episode:
    """Return the episode of these parts: the state of the last one, the start of the first."""
    if len(parts) == 1:
        return parts[0]
    first, last = parts[0], parts[-1]
    return replace(
        last, started_at=first.started_at, owner_since=0, alert_id=None, parts=tuple(parts)
    )
