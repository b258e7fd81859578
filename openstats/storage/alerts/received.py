"""Episodes of alerts, as receivers are told of them, and the alerts that they make."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, or_, select, update

from openstats.alerts import Episode, Notice, Refusal, Spell
from openstats.storage.alerts import episodes
from openstats.storage.alerts import rows as alert_rows
from openstats.storage.alerts.histories import History
from openstats.storage.alerts.rows import Opened
from openstats.storage.dialects import one_of, upsert
from openstats.storage.schema.alerts import STILL_OPEN, alert, alert_episode, receiver
from openstats.storage.schema.types import FOREVER
from openstats.storage.store import advisory_lock

Known = defaultdict[str, dict[str, Episode]]
"""Episodes by fingerprint and start."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of a fingerprint since it was told of: the newest notice, and all spells.

    ``episodes`` are those of the spells, as they are stored until now.
    """

    notice: Notice
    history: History
    spells: Sequence[Spell]
    episodes: Collection[Episode] = ()


def known(
    db: Connection, source: str, notices: Sequence[Notice], *, now: int, within: int
) -> Known:
    """Give the episodes that notices may be about, or that may be joined with theirs.

    Until the end of the transaction nobody else writes alerts.
    """
    advisory_lock(db, "alerts")
    mine = alert_episode.c.source == source, one_of(alert_episode.c.fingerprint, "fingerprints")
    values = {"fingerprints": sorted({notice.fingerprint for notice in notices})}
    earliest = _earliest(db, mine, values, notices, now) - within
    joined = select(alert_episode).join(alert, alert.c.id == alert_episode.c.alert_id)
    rows: dict[str, list[Any]] = {}
    for row in db.execute(joined.where(*mine, alert.c.until >= earliest), values):
        rows.setdefault(row.fingerprint, []).append(row)
    starts = {notice.start for notice in notices}
    return defaultdict(dict, {key: episodes.whole(found, starts) for key, found in rows.items()})


def _earliest(
    db: Connection, mine: Any, values: dict[str, Any], notices: Sequence[Notice], now: int
) -> int:
    """Say when the first of what notices are about began: of a clock that is ahead, as we know."""
    starts = {"starts": sorted({notice.start for notice in notices})}
    first = select(func.min(alert_episode.c.started_at)).where(*mine)
    there = db.scalar(first.where(one_of(alert_episode.c.start, "starts")), values | starts)
    return min([now if there is None else there, now, *(notice.started_at for notice in notices)])


def keep(db: Connection, source: str, told: Sequence[Told], *, visible: bool, now: int) -> None:
    """Write the alerts that episodes make; who sees them, sees their messages if ``visible``."""
    fresh = [(of, spell) for of in told for spell in of.spells if spell.alert is None]
    rows = [_opened(source, of, spell, visible=visible, now=now) for of, spell in fresh]
    ids = alert_rows.insert_all(db, rows)
    placed = [(of, spell, row) for (of, spell), row in zip(fresh, ids, strict=True)]
    old = [
        (of, spell, spell.alert) for of in told for spell in of.spells if spell.alert is not None
    ]
    _change(db, old, now)
    _keep_episodes(db, source, [*placed, *old])
    _remove(db, source, told)


def _opened(source: str, of: Told, spell: Spell, *, visible: bool, now: int) -> Opened:
    until = FOREVER if spell.ended_at is None else spell.ended_at
    place = of.history.at(spell.started_at)
    return Opened(source, of.notice, place, spell.started_at, until, now, told=visible)


def _change(db: Connection, changed: Sequence[tuple[Told, Spell, int]], now: int) -> None:
    """Move the ends of alerts that are there; the newest is as the notice says, if that is new."""
    rows = []
    for of, spell, row in changed:
        until = FOREVER if spell.ended_at is None else spell.ended_at
        rows.append({"row": row, **alert_rows.times(spell.started_at, until), "seen_at": now})
        if spell is of.spells[-1] and _news(of.notice, spell.episodes[-1]):
            rows[-1] |= alert_rows.said(of.notice)
    for names in {tuple(row) for row in rows}:
        values: dict[str, Any] = {name: bindparam(name) for name in names if name != "row"}
        alike = [row for row in rows if tuple(row) == names]
        db.execute(update(alert).where(alert.c.id == bindparam("row")).values(values), alike)


def _news(notice: Notice, last: Episode) -> bool:
    """Tell a notice that comes late: of an earlier episode, or that one fires that is over."""
    over = notice.ended_at is None and last.ended_at is not None
    same = notice.start == last.start
    return (same or notice.started_at >= last.started_at) and not over


def _keep_episodes(db: Connection, source: str, placed: Iterable[tuple[Told, Spell, int]]) -> None:
    rows = [
        {
            "source": source,
            "fingerprint": of.notice.fingerprint,
            "start": episodes.key(episode),
            "alert_id": row,
            "started_at": episode.started_at,
            "ended_at": episode.ended_at,
            "heard_at": episode.heard_at,
            "voices": json.dumps(sorted(episode.voices)) if any(episode.voices) else None,
        }
        for of, spell, row in placed
        for episode in spell.episodes
    ]
    upsert(db, alert_episode, rows)


def _remove(db: Connection, source: str, told: Iterable[Told]) -> None:
    """Delete alerts and parts of episodes that turned out to be none, or parts of others."""
    keys, rows = [], []
    for of in told:
        stored = [part for episode in of.episodes for part in episode.stored]
        kept = {episodes.key(part) for spell in of.spells for part in spell.episodes}
        gone = {episodes.key(part) for part in stored} - kept
        keys += [{"of": of.notice.fingerprint, "key": key} for key in sorted(gone)]
        alerts = {part.alert for part in stored if part.alert is not None}
        rows += [{"row": row} for row in alerts.difference(spell.alert for spell in of.spells)]
    episode = alert_episode.c
    mine = episode.source == source, episode.fingerprint == bindparam("of")
    for statement, values in (
        (delete(alert_episode).where(*mine, episode.start == bindparam("key")), keys),
        (delete(alert).where(alert.c.id == bindparam("row")), rows),
    ):
        if values:
            db.execute(statement, values)


def end(db: Connection, row: int, ended_at: int, heard_at: int | None) -> None:
    """End the episodes of an alert that are open; ``heard_at`` is None where nobody said so."""
    mine = alert_episode.c.alert_id == row, alert_episode.c.ended_at.is_(None)
    ended = update(alert_episode).where(*mine)
    db.execute(ended.values(ended_at=ended_at, heard_at=heard_at, voices=None))


def go_stale(db: Connection, before: int) -> None:
    """Close what no receiver was told of since a time, as of when it last was."""
    advisory_lock(db, "alerts")
    silent = *STILL_OPEN, alert.c.seen_at < before, FIRES
    for row in db.execute(select(alert).where(*silent)).all():
        _end_at(db, row, row.seen_at)


def _end_at(db: Connection, row: Any, at: int) -> None:
    """Close an alert as of a time; what was over before it moved was never the new owner's."""
    while row.created_at > at and (former := _before(db, row)):
        db.execute(delete(alert).where(alert.c.id == row.id))
        row = former
    until = max(row.created_at, at)
    times = alert_rows.times(row.created_at, until)
    db.execute(update(alert).where(alert.c.id == row.id).values(times))
    # Where it is a former owner's, its episodes ended with the move so far.
    episode = alert_episode.c
    open_then = or_(episode.ended_at.is_(None), episode.ended_at > until)
    ended = update(alert_episode).where(episode.alert_id == row.id, open_then)
    db.execute(ended.values(ended_at=until, heard_at=None, voices=None))


def _before(db: Connection, row: Any) -> Any:
    """Return the alert of the former owner that went on as this one when it moved, if there is."""
    same = alert_episode.c.source == row.source, alert_episode.c.fingerprint == row.fingerprint
    joined = alert_episode.join(alert, alert.c.id == alert_episode.c.alert_id)
    found = select(alert).select_from(joined).where(*same, alert.c.until == row.created_at)
    return db.execute(found.where(alert.c.id != row.id).limit(1)).first()


FIRES = (
    select(alert_episode.c.alert_id)
    .where(alert_episode.c.alert_id == alert.c.id, alert_episode.c.ended_at.is_(None))
    .exists()
)


def open_fingerprints(db: Connection, source: str) -> frozenset[str]:
    """Return the fingerprints of a receiver's open alerts."""
    chosen = select(alert.c.fingerprint).where(*STILL_OPEN, alert.c.source == source, FIRES)
    return frozenset(db.scalars(chosen))


def close_absent(
    db: Connection, source: str, fingerprints: Collection[str], *, told_before: int, now: int
) -> int:
    """Close a receiver's open alerts of which nothing was told since a time; return how many."""
    advisory_lock(db, "alerts")
    mine = alert.c.source == source, one_of(alert.c.fingerprint, "fingerprints")
    chosen = select(alert.c.id, alert.c.created_at).where(
        *STILL_OPEN, *mine, alert.c.seen_at < told_before, FIRES
    )
    rows = db.execute(chosen, {"fingerprints": sorted(fingerprints)}).all()
    for row in rows:
        times = alert_rows.times(row.created_at, max(row.created_at, now))
        db.execute(update(alert).where(alert.c.id == row.id).values(times))
        end(db, row.id, now, now)
    return len(rows)


LARGEST_COUNT = 2**53
"""Where a count stays: the next one would be another number to those who read JSON as floats."""


def note(db: Connection, name: str, now: int, *, notices: int, truncated: int) -> None:
    """Count what came in at a receiver."""
    counts = _added(db, name, notices=notices, truncated=truncated)
    upsert(db, receiver, [counts | {"received_at": now}])


def note_refusal(db: Connection, name: str, refusal: Refusal) -> None:
    """Count what a receiver refused."""
    counts = _added(db, name, notices=0, truncated=0, refused=refusal.number)
    upsert(db, receiver, [counts | {"refused_at": refusal.at, "refusal": refusal.reason}])


def _added(db: Connection, name: str, **more: int) -> dict[str, Any]:
    """Return the row of a receiver with what is added to its counts; they end at a largest one."""
    before = db.execute(select(receiver).where(receiver.c.name == name)).mappings().first()
    counts = {what: number + (before[what] if before else 0) for what, number in more.items()}
    return {"name": name} | {what: min(n, LARGEST_COUNT) for what, n in counts.items()}


COUNTED = ("received_at", "notices", "truncated", "refused", "refused_at", "refusal")


def received(db: Connection) -> dict[str, dict[str, Any]]:
    """Return what came in at each receiver, by its name; those that nothing came to are missing."""
    rows = db.execute(select(receiver)).mappings()
    return {row["name"]: {name: row[name] for name in COUNTED} for row in rows}
