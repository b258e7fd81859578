"""Jobs: what each cloud is asked for, when it is due, who asks, and how the last poll went.

A conditional update leases a job, so that any number of collectors share the work. Each transaction
of a poll begins with ``renew``: a collector that has lost its lease writes nothing. Stored errors
are escaped for terminals and logs, because they contain names from clouds. A job also stores mass
disappearances; ``disappearances`` reads and writes these.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import ColumnElement, Row, Update, exists, func, insert, or_, select, update

from openstats.errors import LeaseLostError
from openstats.model import Cloud, Lease
from openstats.names import escaped
from openstats.storage.schema import tables
from openstats.storage.schema.clouds import cloud_of
from openstats.storage.store import Database

cloud, job = tables.cloud, tables.job

KINDS = ("discovery", "capacity", "instances", "volumes", "quotas", "providers", "usage")
"""The kinds of jobs that each cloud has."""

TOLERANCE = 60
"""Seconds by which the clocks of collectors on one store may differ."""

LONGEST_LEASE = 3600
"""Seconds that a lease lasts at most. A lease that ends later than this from now was written before
the clock was set back; it counts as free."""


class JobOutcome(NamedTuple):
    """The result of a job's last poll. Times are Unix seconds, ``cloud`` is a name.

    ``seconds`` is how long the poll took.
    """

    cloud: str
    kind: str
    polled_at: int | None
    error: str | None
    error_at: int | None
    seconds: float | None


def ensure(db: Database, cloud_id: int, kinds: Iterable[str], now: float) -> None:
    """Add the jobs that a cloud lacks; they are due at once."""
    existing = set(db.scalars(select(job.c.kind).where(job.c.cloud_id == cloud_id)))
    missing = [kind for kind in kinds if kind not in existing]
    if missing:
        db.execute(
            insert(job),
            [{"cloud_id": cloud_id, "kind": kind, "next_at": now} for kind in missing],
        )


# -- when a job is due


def make_due(db: Database, cloud_ids: Iterable[int], kinds: Iterable[str], now: float) -> None:
    """Make jobs of these kinds due now; jobs that are already due keep their place in the queue."""
    _bring_forward(db, job.c.cloud_id.in_(list(cloud_ids)) & job.c.kind.in_(list(kinds)), now)


def make_all_due(db: Database, cloud_ids: Iterable[int], now: float) -> None:
    """Make all jobs of these clouds due now; jobs that are already due keep their place."""
    _bring_forward(db, job.c.cloud_id.in_(list(cloud_ids)), now)


def make_due_again(db: Database, cloud_id: int, kind: str, *, now: float, pause: float) -> None:
    """Make a job due now, or ``pause`` seconds after its last poll if that is later.

    A failed poll counts as well.
    """
    condition = (job.c.cloud_id == cloud_id) & (job.c.kind == kind)
    ends = db.execute(select(job.c.polled_at, job.c.error_at).where(condition)).first()
    earliest = max([now, *(at + pause for at in ends or () if at is not None)])
    _bring_forward(db, condition, earliest)


def _bring_forward(db: Database, condition: ColumnElement[bool], next_at: float) -> None:
    db.execute(update(job).where(condition, job.c.next_at > next_at).values(next_at=next_at))


def next_at(db: Database, clouds: Iterable[str]) -> float | None:
    """Return when the next job of these clouds (names) is due or its lease ends; None for none."""
    earliest = func.min(func.coalesce(job.c.leased_until, job.c.next_at))
    query = select(earliest).join(cloud, cloud.c.id == job.c.cloud_id)
    return db.scalar(query.where(cloud.c.name.in_(list(clouds))))


def overdue(db: Database, now: float, patience: float) -> list[Cloud]:
    """Return the clouds that no collector asks, ordered by name.

    A job of such a cloud has been due for ``patience`` seconds, and no job of it is leased::

        SELECT * FROM cloud
        WHERE EXISTS (SELECT * FROM job WHERE cloud_id = cloud.id AND next_at <= :now - :patience)
          AND NOT EXISTS (SELECT * FROM job WHERE cloud_id = cloud.id AND leased_until > :now)
        ORDER BY name
    """
    is_of_cloud = job.c.cloud_id == cloud.c.id
    has_waited = exists().where(is_of_cloud, job.c.next_at <= now - patience)
    is_asked = exists().where(is_of_cloud, job.c.leased_until > now)
    query = select(cloud).where(has_waited, ~is_asked).order_by(cloud.c.name)
    return [cloud_of(row) for row in db.execute(query)]


# -- leases


def lease(
    db: Database,
    clouds: Iterable[str],
    kinds: Iterable[str],
    *,
    now: float,
    until: float,
    limit: int,
    per_cloud: Mapping[str, int] | None = None,
) -> list[Lease]:
    """Lease up to ``limit`` due jobs of clouds (names), longest overdue first; return the leases.

    ``per_cloud`` limits the number of jobs by cloud; a cloud that is not in it has no limit. Two
    collectors that lease at the same time get different jobs: PostgreSQL and MariaDB skip locked
    rows, and SQLite has one writer at a time. MariaDB locks all due jobs until the end of the
    transaction, so that another collector may get none at that moment.
    """
    leases = []
    clouds_by_id = _by_id(db, clouds)
    rows = _due(db, clouds_by_id, kinds, now, limit)
    for row in _of_each_cloud(rows, clouds_by_id, per_cloud or {}):
        leases.append(_take(db, clouds_by_id[row.cloud_id], row, now=now, until=until))
    return leases


def _by_id(db: Database, names: Iterable[str]) -> dict[int, Cloud]:
    query = select(cloud).where(cloud.c.name.in_(list(names)))
    return {row.id: cloud_of(row) for row in db.execute(query)}


def _due(
    db: Database, cloud_ids: Iterable[int], kinds: Iterable[str], now: float, limit: int
) -> list[Row[Any]]:
    """Lock the jobs that may be leased, and return their rows.

    ::

        SELECT cloud_id, kind, cursor, polled_at, error_at FROM job
        WHERE cloud_id IN (:cloud_ids) AND kind IN (:kinds)
          AND (next_at <= :now OR polled_at > :now + 60 OR error_at > :now + 60)
          AND (leased_until IS NULL OR leased_until <= :now OR leased_until > :now + 3600)
        ORDER BY next_at LIMIT :limit
        FOR UPDATE SKIP LOCKED

    A poll that ended in the future shows that the clock was set back. Its job is due now: otherwise
    it would wait until the clock reaches that time again. For the same reason, a lease that ends
    more than an hour from now counts as free. The query reads no other table: MariaDB would lock
    the rows of the clouds, too, and skip other jobs of these clouds.
    """
    ended_later = or_(job.c.polled_at > now + TOLERANCE, job.c.error_at > now + TOLERANCE)
    leased_until = job.c.leased_until
    is_free = or_(leased_until.is_(None), leased_until <= now, leased_until > now + LONGEST_LEASE)
    query = select(job.c.cloud_id, job.c.kind, job.c.cursor, job.c.polled_at, job.c.error_at)
    query = query.where(job.c.cloud_id.in_(list(cloud_ids)), job.c.kind.in_(list(kinds)))
    query = query.where(or_(job.c.next_at <= now, ended_later), is_free)
    query = query.order_by(job.c.next_at).limit(limit)
    return list(db.execute(query.with_for_update(skip_locked=True)))


def _of_each_cloud(
    rows: Iterable[Row[Any]], clouds_by_id: Mapping[int, Cloud], per_cloud: Mapping[str, int]
) -> list[Row[Any]]:
    """Return the first rows of each cloud, up to the cloud's limit."""
    remaining = dict(per_cloud)
    chosen_rows = []
    for row in rows:
        name = clouds_by_id[row.cloud_id].name
        if name in remaining:
            remaining[name] -= 1
        if remaining.get(name, 0) >= 0:
            chosen_rows.append(row)
    return chosen_rows


def _take(db: Database, cloud: Cloud, row: Row[Any], *, now: float, until: float) -> Lease:
    """Write a lease into a locked job: ``SET leased_until = :until, lease_token = …``."""
    lease = Lease(cloud, row.kind, str(uuid4()), json.loads(row.cursor), row.polled_at)
    values: dict[str, object] = {"leased_until": until, "lease_token": lease.token}
    # If the clock was set back, ends of polls in the future become the present.
    for column, ended_at in (("polled_at", row.polled_at), ("error_at", row.error_at)):
        if ended_at is not None and ended_at > now:
            values[column] = int(now)
    condition = job.c.cloud_id == lease.cloud.id, job.c.kind == lease.kind
    db.execute(update(job).where(*condition).values(values))
    return lease


def _update(lease: Lease) -> Update:
    """Return an update that changes a job only if this lease is still held."""
    condition = job.c.cloud_id == lease.cloud.id, job.c.kind == lease.kind
    return update(job).where(*condition, job.c.lease_token == lease.token)


def renew(db: Database, lease: Lease, until: float) -> None:
    """Extend a lease. This must be the first statement of a transaction.

    Raises:
        LeaseLostError: another collector has the job, or the URL of the cloud has changed.
    """
    renewed = db.execute(_update(lease).values(leased_until=until))
    if renewed.rowcount != 1:
        raise LeaseLostError(f"another collector polls {lease.kind} of {lease.cloud.name} now")
    keystone = db.scalar(select(cloud.c.keystone).where(cloud.c.id == lease.cloud.id))
    if keystone != lease.cloud.keystone:
        raise LeaseLostError(f"{lease.cloud.name} has another URL now: {lease.kind} begins anew")


def release(db: Database, lease: Lease) -> None:
    """End a lease without a result; the due time of the job does not change."""
    db.execute(_update(lease).values(leased_until=None, lease_token=None))


# -- how polls went


def succeed(
    db: Database,
    lease: Lease,
    *,
    now: int,
    next_at: float,
    seconds: float,
    cursor: Mapping[str, object],
    error: str | None = None,
) -> None:
    """Record that a poll read figures; ``error`` describes the part of them that is missing."""
    values = {
        "polled_at": now,
        "error": escaped(error) if error else None,
        "error_at": now if error else None,
        "cursor": json.dumps(dict(cursor)),
    }
    _end(db, lease, next_at, seconds, values)


def fail(
    db: Database, lease: Lease, *, now: int, next_at: float, seconds: float, error: str
) -> None:
    """Record that a poll failed. The last figures stay, with their age."""
    _end(db, lease, next_at, seconds, {"error": escaped(error), "error_at": now})


def _end(
    db: Database, lease: Lease, next_at: float, seconds: float, values: Mapping[str, object]
) -> None:
    """Write the result of a poll and end its lease, in one update."""
    ended = {"next_at": next_at, "seconds": seconds, "leased_until": None, "lease_token": None}
    db.execute(_update(lease).values({**values, **ended}))


def record_error(db: Database, cloud: Cloud, error: str, now: float) -> bool:
    """Write why no collector asks a cloud into its due jobs that have no error.

    Return whether there was such a job.
    """
    condition = job.c.cloud_id == cloud.id, job.c.next_at <= now, job.c.error.is_(None)
    values = {"error": escaped(error), "error_at": int(now)}
    return bool(db.execute(update(job).where(*condition).values(values)).rowcount)


def polled_at(db: Database, cloud: Cloud, kind: str) -> int | None:
    """Return when a kind of poll last succeeded; None for never."""
    condition = job.c.cloud_id == cloud.id, job.c.kind == kind
    return db.scalar(select(job.c.polled_at).where(*condition))


def failing(db: Database, cloud: Cloud, kind: str) -> bool:
    """Return whether the last poll of a kind failed."""
    condition = job.c.cloud_id == cloud.id, job.c.kind == kind
    has_failed = func.coalesce(job.c.error_at > job.c.polled_at, job.c.error_at.is_not(None))
    return bool(db.scalar(select(has_failed).where(*condition)))


def outcomes(db: Database) -> list[JobOutcome]:
    """Return the results of the last polls of all jobs, ordered by cloud and kind."""
    columns = cloud.c.name, job.c.kind, job.c.polled_at, job.c.error, job.c.error_at, job.c.seconds
    query = select(*columns).join(job, job.c.cloud_id == cloud.c.id)
    return [JobOutcome(*row) for row in db.execute(query.order_by(cloud.c.name, job.c.kind))]
