"""Quotas: limits and use of the tenants in which something changed, or whose figures grew old."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock

from openstats.clouds import cinder, nova
from openstats.collector import cells, unlisted
from openstats.collector.poll import Poll
from openstats.errors import CloudError, TenantUnknownError, VersionRefusedError
from openstats.meters import QUOTAS, VOLUME
from openstats.model import Quota, VolumeTypeQuota
from openstats.storage import quota

PIECE = 200
NOTHING = {meter.name: Quota(0, 0) for meter in QUOTAS}


@dataclass
class Patience:
    """How many failures in a row are one tenant's bad luck, and from when the cloud is down."""

    limit: int
    failures: int = 0
    last: CloudError | None = None
    _lock: Lock = field(default_factory=Lock)

    def note(self, error: CloudError | None) -> None:
        """Count a call's outcome; who asks for patience is asked no more."""
        with self._lock:
            self.failures = self.failures + 1 if error else 0
            if error and error.retry_after:
                self.failures = self.limit
            self.last = error or self.last

    @property
    def lost(self) -> bool:
        """Whether asking on is of no use."""
        return self.failures >= self.limit


@dataclass(frozen=True)
class Reading:
    """What came of asking for one tenant: a service that failed is missing in ``quotas``.

    ``volume_types`` is None where Cinder failed.
    """

    tenant: int
    quotas: dict[str, Quota]
    volume_types: dict[str, VolumeTypeQuota] | None
    error: CloudError | None


def poll(poll: Poll) -> None:
    """Read the quotas that are due, two calls a tenant, several tenants at once.

    Raises:
        CloudError: cells are down (Nova would count without them), the cloud stopped answering, or
            there was an answer for none.
    """
    with poll.store.transaction() as db:
        if poll.full:
            quota.make_cloud_due(db, poll.cloud, poll.now)
        due = quota.due(db, poll.cloud, poll.now)
    if not due:
        return
    hidden = cells.hidden(poll)
    if hidden:
        raise CloudError(f"{poll.cloud.name}: cells of Nova are down, of {', '.join(hidden[:5])}")
    _read(poll, due)


def _read(poll: Poll, due: Sequence[tuple[int, str]]) -> None:
    patience = Patience(limit=max(8, poll.options.threads))
    done = failed = 0
    for piece in _pieces(due):
        readings = [r for r in poll.calls.map(lambda t: _ask(poll, patience, *t), piece) if r]
        _write(poll, readings)
        _check(poll, readings, dict(piece))
        done += len(piece)
        failed += sum(reading.error is not None for reading in readings)
        poll.say("quotas", done, len(due))
        if patience.last and (patience.lost or failed == len(due)):
            raise patience.last
    if failed:
        whose = f"quotas of {failed} of {len(due)} tenants"
        poll.miss(f"{poll.cloud.name}: {whose} were not read; the last: {patience.last}")


def _check(poll: Poll, readings: Sequence[Reading], keys: Mapping[int, str]) -> None:
    """Hold the servers that Nova counts against those that it listed."""
    counts = [
        (reading.tenant, keys[reading.tenant], reading.quotas["max_instances"].in_use)
        for reading in readings
        if "max_instances" in reading.quotas
    ]
    unlisted.check(poll, counts)


def _pieces(due: Sequence[tuple[int, str]]) -> Iterator[Sequence[tuple[int, str]]]:
    return (due[i : i + PIECE] for i in range(0, len(due), PIECE))


def _ask(poll: Poll, patience: Patience, row: int, tenant: str) -> Reading | None:
    """Ask for one tenant: one's failure spoils one, unless nobody gets an answer any more."""
    if patience.lost:
        return None
    found: dict[str, Quota] = {}
    types = error = None
    try:
        found |= nova.quotas(poll.connection, tenant)
        storage, types = _storage(poll, tenant)
        found |= storage
    except TenantUnknownError:
        # It has no quota, and discovery will take it away.
        found, types = dict(NOTHING), {}
    except VersionRefusedError:
        # Of all tenants: the poll is repeated with another microversion.
        raise
    except CloudError as failure:
        error = failure
    patience.note(error)
    return Reading(row, found, types, error)


def _storage(poll: Poll, tenant: str) -> tuple[dict[str, Quota], dict[str, VolumeTypeQuota]]:
    if poll.connection.entry.settings.block_storage:
        return cinder.quotas(poll.connection, tenant)
    return {meter.name: Quota(0, 0) for meter in QUOTAS if meter.service == VOLUME}, {}


def _write(poll: Poll, readings: Sequence[Reading]) -> None:
    now = int(poll.clock())
    with poll.writing() as db:
        for reading in readings:
            error = str(reading.error) if reading.error else None
            quota.record(
                db,
                reading.tenant,
                reading.quotas,
                now=now,
                due_at=now + _wait(poll, reading.error),
                error=error,
                asked_at=poll.now,
                volume_types=reading.volume_types,
            )


def _wait(poll: Poll, error: CloudError | None) -> int:
    """Return the seconds after which a tenant is asked for again."""
    if error is None:
        return int(poll.options.quota_max_age)
    return int(max(poll.options.retry_interval, error.retry_after))
