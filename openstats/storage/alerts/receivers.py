"""Receivers: counts of what each accepted and refused."""

from dataclasses import fields

from sqlalchemy import select

from openstats.alerts import ReceiverCounts, Refusal
from openstats.storage.dialects import upsert
from openstats.storage.schema.alerts import receiver
from openstats.storage.store import Database

MAX_COUNT = 2**53
"""The maximum of a count. JSON readers that use floats confuse larger integers."""

COUNT_COLUMNS = [receiver.c[field.name] for field in fields(ReceiverCounts)]


def count_notifications(
    db: Database, name: str, now: int, *, notifications: int, truncated: int
) -> None:
    """Add notifications to the counts of a receiver."""
    counts = _read(db, name)
    columns = {
        "name": name,
        "received_at": now,
        "notifications": _sum(counts.notifications, notifications),
        "truncated": _sum(counts.truncated, truncated),
    }
    upsert(db, receiver, [columns])


def count_refusal(db: Database, name: str, refusal: Refusal) -> None:
    """Add the notifications that a receiver refused to its counts."""
    counts = _read(db, name)
    columns = {
        "name": name,
        "notifications": counts.notifications,
        "truncated": counts.truncated,
        "refused": _sum(counts.refused, refusal.number),
        "refused_at": refusal.at,
        "refusal": refusal.reason,
    }
    upsert(db, receiver, [columns])


def _sum(count: int, increment: int) -> int:
    return min(count + increment, MAX_COUNT)


def _read(db: Database, name: str) -> ReceiverCounts:
    row = db.execute(select(*COUNT_COLUMNS).where(receiver.c.name == name)).first()
    return ReceiverCounts(*row) if row else ReceiverCounts()


def receiver_counts(db: Database) -> dict[str, ReceiverCounts]:
    """Return the counts of receivers by name; receivers that got nothing are missing."""
    rows = db.execute(select(receiver.c.name, *COUNT_COLUMNS))
    return {name: ReceiverCounts(*counts) for name, *counts in rows}
