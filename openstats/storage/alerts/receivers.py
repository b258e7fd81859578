"""Receivers: counts of what each accepted and refused."""

from dataclasses import fields

from sqlalchemy import Connection, select

from openstats.alerts import ReceiverCounts, Refusal
from openstats.storage.dialects import upsert
from openstats.storage.schema.alerts import receiver

LARGEST_COUNT = 2**53
"""The largest count, where counting stops: JSON readers that use floats confuse larger integers."""

COLUMNS = [receiver.c[field.name] for field in fields(ReceiverCounts)]


def count_notifications(
    db: Connection, name: str, now: int, *, notifications: int, truncated: int
) -> None:
    """Add notifications to the counts of a receiver."""
    counts = _read(db, name)
    columns = {
        "name": name,
        "received_at": now,
        "notices": _sum(counts.notices, notifications),
        "truncated": _sum(counts.truncated, truncated),
    }
    upsert(db, receiver, [columns])


def count_refusal(db: Connection, name: str, refusal: Refusal) -> None:
    """Add the notifications that a receiver refused to its counts."""
    counts = _read(db, name)
    columns = {
        "name": name,
        "notices": counts.notices,
        "truncated": counts.truncated,
        "refused": _sum(counts.refused, refusal.number),
        "refused_at": refusal.at,
        "refusal": refusal.reason,
    }
    upsert(db, receiver, [columns])


def _sum(count: int, increment: int) -> int:
    return min(count + increment, LARGEST_COUNT)


def _read(db: Connection, name: str) -> ReceiverCounts:
    row = db.execute(select(*COLUMNS).where(receiver.c.name == name)).first()
    return ReceiverCounts(*row) if row else ReceiverCounts()


def receiver_counts(db: Connection) -> dict[str, ReceiverCounts]:
    """Return the counts of receivers by name; receivers that got nothing are missing."""
    rows = db.execute(select(receiver.c.name, *COLUMNS))
    return {name: ReceiverCounts(*counts) for name, *counts in rows}
