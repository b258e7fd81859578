"""Jobs: which cloud is to be asked what, when, by whom; and how it went.

A job is leased by one conditional update, so that any number of collectors share the work.
Whatever a poll writes begins with ``renew``: one who slept through the lease writes nothing.
Errors are kept as terminals and logs may show them: they name things as clouds do.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, exists, func, insert, or_, select, update

from openstats.errors import LeaseLostError
from openstats.model import Cloud, Lease
from openstats.names import escaped
from openstats.storage.registry.clouds import cloud_of
from openstats.storage.schema import tables

cloud, job = tables.cloud, tables.job

KINDS = ("discovery", "capacity", "instances", "volumes", "quotas", "providers", "usage")
"""What each cloud is asked for."""

TOLERANCE = 60
"""Seconds by which the clocks of collectors on one store may differ."""

LONGEST_LEASE = 3600
"""Seconds beyond which no lease can reach, but by a clock that was set back since."""


def ensure(db: Connection, cloud_id: int, kinds: Iterable[str], now: float) -> None:
    """Add the jobs that a cloud does not have yet, due at once."""
    there = set(db.scalars(select(job.c.kind).where(job.c.cloud_id == cloud_id)))
    rows = [
        {"cloud_id": cloud_id, "kind": kind, "next_at": now} for kind in kinds if kind not in there
    ]
    if rows:
        db.execute(insert(job), rows)


def make_due(db: Connection, clouds: Iterable[int], kinds: Iterable[str], now: float) -> None:
    """Bring jobs forward to now; what is due already keeps its place."""
    wanted = job.c.cloud_id.in_(list(clouds)), job.c.kind.in_(list(kinds)), job.c.next_at > now
    db.execute(update(job).where(*wanted).values(next_at=now))


def make_due_again(db: Connection, cloud_id: int, kind: str, *, now: float, pause: float) -> None:
    """Bring a job forward to now, or to a pause after its last poll, whether or not that failed."""
    mine = job.c.cloud_id == cloud_id, job.c.kind == kind
    last = db.execute(select(job.c.polled_at, job.c.error_at).where(*mine)).first()
    moment = max([now, *(at + pause for at in last or () if at is not None)])
    db.execute(update(job).where(*mine, job.c.next_at > moment).values(next_at=moment))


def make_all_due(db: Connection, clouds: Iterable[int], now: float) -> None:
    """Bring every job of these clouds forward to now, likewise."""
    wanted = job.c.cloud_id.in_(list(clouds)), job.c.next_at > now
    db.execute(update(job).where(*wanted).values(next_at=now))


def lease(
    db: Connection,
    clouds: Iterable[str],
    kinds: Iterable[str],
    *,
    now: float,
    until: float,
    limit: int,
    each: Mapping[str, int] | None = None,
) -> list[Lease]:
    """Take up to ``limit`` due jobs, longest due first, of clouds by name.

    ``each`` says how many of each cloud at most.
    """
    leased_until = job.c.leased_until
    free = or_(leased_until.is_(None), leased_until <= now, leased_until > now + LONGEST_LEASE)
    # A poll that ended in the future shows that the clock was set back: what is due by it would
    # have to wait until the clock is there again.
    set_back = or_(job.c.polled_at > now + TOLERANCE, job.c.error_at > now + TOLERANCE)
    due = (
        select(cloud, job.c.kind, job.c.cursor, job.c.polled_at, job.c.error_at)
        .join(job, job.c.cloud_id == cloud.c.id)
        .where(cloud.c.name.in_(list(clouds)), job.c.kind.in_(list(kinds)))
        .where(or_(job.c.next_at <= now, set_back), free)
        .order_by(job.c.next_at)
        .limit(limit)
        .with_for_update(of=job, skip_locked=True)
    )
    rows = list(_few_of_each(db.execute(due), each))
    return [_take(db, row, now=now, until=until) for row in rows]


def _take(db: Connection, row: Any, *, now: float, until: float) -> Lease:
    lease = Lease(cloud_of(row), row.kind, str(uuid4()), json.loads(row.cursor), row.polled_at)
    values: dict[str, Any] = {"leased_until": until, "lease_token": lease.token}
    # Nothing ended later than now, whatever the clock said.
    for name in ("polled_at", "error_at"):
        if (at := getattr(row, name)) is not None and at > now:
            values[name] = int(now)
    db.execute(_update(lease).values(values))
    return lease


def _few_of_each(rows: Iterable[Any], each: Mapping[str, int] | None) -> Iterator[Any]:
    left = dict(each or {})
    for row in rows:
        number = left.get(row.name, 1)
        if number > 0:
            yield row
        if row.name in left:
            left[row.name] = number - 1


def next_at(db: Connection, clouds: Iterable[str]) -> float | None:
    """Give the time at which the next job falls due or its lease ends; None without jobs."""
    free_at = func.coalesce(job.c.leased_until, job.c.next_at)
    when = func.min(free_at)
    mine = cloud.c.name.in_(list(clouds))
    return db.scalar(select(when).join(cloud, cloud.c.id == job.c.cloud_id).where(mine))


def overdue(db: Connection, now: float, patience: float) -> list[Cloud]:
    """List clouds of which a job has been due for so long while none was under way, by name."""
    mine = job.c.cloud_id == cloud.c.id
    waiting = exists().where(mine, job.c.next_at <= now - patience)
    asked = exists().where(mine, job.c.leased_until > now)
    found = select(cloud).where(waiting, ~asked).order_by(cloud.c.name)
    return [cloud_of(row) for row in db.execute(found)]


def record_error(db: Connection, owner: Cloud, error: str, now: float) -> bool:
    """Note why nobody asks a cloud in its due jobs that have no error; tell if there were any."""
    mine = job.c.cloud_id == owner.id, job.c.next_at <= now, job.c.error.is_(None)
    done = db.execute(update(job).where(*mine).values(error=escaped(error), error_at=int(now)))
    return bool(done.rowcount)


def polled_at(db: Connection, owner: Cloud, kind: str) -> int | None:
    """Give when a kind of poll last succeeded."""
    mine = job.c.cloud_id == owner.id, job.c.kind == kind
    return db.scalar(select(job.c.polled_at).where(*mine))


def failing(db: Connection, owner: Cloud, kind: str) -> bool:
    """Return whether the last poll of a kind failed."""
    mine = job.c.cloud_id == owner.id, job.c.kind == kind
    later = func.coalesce(job.c.error_at > job.c.polled_at, job.c.error_at.is_not(None))
    return bool(db.scalar(select(later).where(*mine)))


def _update(lease: Lease) -> Any:
    return update(job).where(job.c.cloud_id == lease.cloud.id, job.c.kind == lease.kind)


def renew(db: Connection, lease: Lease, until: float) -> None:
    """Prolong a lease, as the first thing in a transaction.

    Raises:
        LeaseLostError: it is gone, or the cloud has another URL by now, by which all is written.
    """
    held = db.execute(
        _update(lease).where(job.c.lease_token == lease.token).values(leased_until=until)
    )
    if held.rowcount != 1:
        raise LeaseLostError(f"another collector polls {lease.kind} of {lease.cloud.name} now")
    keystone = db.scalar(select(cloud.c.keystone).where(cloud.c.id == lease.cloud.id))
    if keystone != lease.cloud.keystone:
        raise LeaseLostError(f"{lease.cloud.name} has another URL now: {lease.kind} begins anew")


def succeed(
    db: Connection,
    lease: Lease,
    *,
    now: int,
    next_at: float,
    seconds: float,
    cursor: Mapping[str, object],
    error: str | None = None,
) -> None:
    """End a poll that brought figures; ``error`` tells what was missing in them."""
    values = {
        "polled_at": now,
        "error": escaped(error) if error else None,
        "error_at": now if error else None,
        "cursor": json.dumps(dict(cursor)),
    }
    _end(db, lease, next_at, seconds, values)


def fail(
    db: Connection, lease: Lease, *, now: int, next_at: float, seconds: float, error: str
) -> None:
    """End a poll that brought nothing: the last good figures stay, with their age."""
    _end(db, lease, next_at, seconds, {"error": escaped(error), "error_at": now})


def release(db: Connection, lease: Lease) -> None:
    """Give a lease back without an outcome: the job is due as it was."""
    mine = job.c.lease_token == lease.token
    db.execute(_update(lease).where(mine).values(leased_until=None, lease_token=None))


def _end(
    db: Connection, lease: Lease, next_at: float, seconds: float, values: dict[str, Any]
) -> None:
    mine = job.c.lease_token == lease.token
    freed = {"next_at": next_at, "seconds": seconds, "leased_until": None, "lease_token": None}
    db.execute(_update(lease).where(mine).values(values | freed))


def outcomes(db: Connection) -> list[dict[str, Any]]:
    """List every job with its cloud's name and how its last poll went, by cloud and kind."""
    columns = cloud.c.name, job.c.kind, job.c.polled_at, job.c.error, job.c.error_at, job.c.seconds
    joined = select(*columns).join(job, job.c.cloud_id == cloud.c.id)
    return [dict(row._mapping) for row in db.execute(joined.order_by(cloud.c.name, job.c.kind))]
