"""Parts of episodes: how those are stored that went on while they became another owner's.

Each part is a row, in the alert of its owner. The first has the episode's own start for a key; that
of a later one is when it began, and a hash of that start.
"""

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

from openstats.alerts import Episode

DIGITS = 32
LATER = re.compile(rf"([0-9]+)\|([0-9a-f]{{{DIGITS}}})")


def key(part: Episode) -> str:
    """Return the key under which a part is stored."""
    return later_key(part.start, part.since) if part.since else part.start


def later_key(start: str, since: int) -> str:
    """Return the key of the part from a time on; ``start`` may be the key of another part."""
    return f"{since}|{_digest(start)}"


def _digest(start: str) -> str:
    later = LATER.fullmatch(start)
    return later[2] if later else sha256(start.encode()).hexdigest()[:DIGITS]


def whole(rows: Sequence[Any], starts: Collection[str]) -> dict[str, Episode]:
    """Return episodes by start, put together of their rows; ``starts`` are some of theirs.

    Where neither its first part nor its start is known, the key of a part is one.
    """
    keys = {row.start for row in rows}
    if not any(map(LATER.fullmatch, keys)):
        return {row.start: _part(row, row.start, 0) for row in rows}
    known = {_digest(start): start for start in (*starts, *keys) if not LATER.fullmatch(start)}
    found: dict[str, list[Episode]] = {}
    for row in sorted(rows, key=lambda row: int(row.started_at)):
        start, later = known.get(_digest(row.start), row.start), LATER.fullmatch(row.start)
        since = int(later[1]) if later and start != row.start else 0
        found.setdefault(start, []).append(_part(row, start, since))
    return {start: _joined(own) for start, own in found.items()}


def _part(row: Any, start: str, since: int) -> Episode:
    times = row.started_at, row.ended_at, row.heard_at
    voices = frozenset(json.loads(row.voices)) if row.voices else frozenset()
    return Episode(start, *times, row.alert_id, voices, since)


def _joined(own: Sequence[Episode]) -> Episode:
    """Return the episode of these parts: as the last one is, and as old as the first."""
    if len(own) == 1:
        return own[0]
    first, last = own[0], own[-1]
    return replace(last, started_at=first.started_at, since=0, alert=None, parts=tuple(own))
