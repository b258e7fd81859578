"""Quotas: limits and use of the tenants in which something changed, or whose figures grew old."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock

from openstats.clouds.services import cinder, nova
from openstats.collector import shared_services
from openstats.collector.polls.checks import cells, unlisted_servers
from openstats.collector.polls.checks.undercounts import SUBJECTS, Count, Judge
from openstats.collector.polls.poll import Poll
from openstats.errors import (
    CloudError,
    OddFigureError,
    TenantUnknownError,
    VersionRefusedError,
)
from openstats.meters import COMPUTE, QUOTAS, SERVICES, VOLUME
from openstats.model import Quota, VolumeTypeQuota
from openstats.storage import failed_quotas, quota

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

    ``volume_types`` is None where Cinder failed. ``error`` says why a service is missing, ``odd``
    what is wrong with those that are not; ``is_moving`` that something changes just now. Services
    that are ``assumed`` were not asked.
    """

    tenant: int
    quotas: dict[str, Quota]
    volume_types: dict[str, VolumeTypeQuota] | None
    error: CloudError | None
    odd: str = ""
    is_moving: bool = False
    assumed: Collection[str] = ()

    def without(self, service: str, error: CloudError) -> "Reading":
        """Return it without a service that is not believed."""
        names = {meter.name for meter in QUOTAS if meter.service == service}
        quotas = {name: held for name, held in self.quotas.items() if name not in names}
        types = None if service == VOLUME else self.volume_types
        return replace(self, quotas=quotas, volume_types=types, error=self.error or error)


def poll(poll: Poll) -> None:
    """Read the quotas that are due, two calls a tenant, several tenants at once.

    Raises:
        CloudError: cells are down (Nova would count without them), the cloud stopped answering, or
            there was an answer for none, neither now nor ever before.
    """
    with poll.store.transaction() as db:
        if poll.full:
            quota.make_cloud_due(db, poll.cloud, poll.now)
        due = quota.due(db, poll.cloud, poll.now)
    if due:
        hidden = [] if shared_services.COMPUTE in poll.shared else cells.hidden(poll)
        if hidden:
            which = ", ".join(hidden[:5])
            raise CloudError(f"{poll.cloud.name}: cells of Nova are down, of {which}")
        _read(poll, due)
    _note_unread(poll)


def _read(poll: Poll, due: Sequence[tuple[int, str]]) -> None:
    patience = Patience(limit=max(8, poll.options.threads))
    judge = Judge(poll)
    done, failures = 0, list[CloudError]()
    for piece in _pieces(due):
        asked = [r for r in poll.calls.map(lambda t: _ask(poll, patience, *t), piece) if r]
        readings = _believed(judge, asked, dict(piece))
        _write(poll, _checked(poll, readings, dict(piece)))
        done += len(piece)
        failures += [reading.error for reading in readings if reading.error]
        poll.report("quotas", done, len(due))
        if patience.last and patience.lost:
            raise patience.last
    if len(failures) == len(due):
        raise failures[-1]


def _note_unread(poll: Poll) -> None:
    """Note the tenants whose quotas could not be read, or believed, be they due now or later."""
    with poll.store.read() as db:
        found = failed_quotas.of_cloud(db, poll.cloud)
    if not found.tenants:
        return
    reason = found.reason.removeprefix(f"{poll.cloud.name}: ")
    whose = f"quotas of {found.tenants} of {found.total} tenants were not read in full"
    poll.note_missing(f"{poll.cloud.name}: {whose}; one reason: {reason}")
    if not found.known:
        raise CloudError(str(poll.result.missing))


def _believed(judge: Judge, readings: Sequence[Reading], keys: Mapping[int, str]) -> list[Reading]:
    """Return readings without the services that do not count what they list."""
    held = {reading.tenant: reading for reading in readings}
    for subject in SUBJECTS:
        counts = [
            Count(row, keys[row], reading.quotas[subject.meter].in_use // subject.unit)
            for row, reading in held.items()
            if subject.meter in reading.quotas and subject.service not in reading.assumed
        ]
        for row, verdict in judge.verdicts(subject, counts).items():
            error = OddFigureError(f"{judge.poll.cloud.name}: {verdict.words}")
            held[row] = (
                held[row].without(subject.service, error)
                if verdict.certain
                else replace(held[row], is_moving=True)
            )
    return list(held.values())


def _checked(poll: Poll, readings: Sequence[Reading], keys: Mapping[int, str]) -> list[Reading]:
    """Hold the servers that Nova counts against those that it listed."""
    counts = [
        (reading.tenant, keys[reading.tenant], reading.quotas["max_instances"].in_use)
        for reading in readings
        if "max_instances" in reading.quotas
    ]
    odd = unlisted_servers.check(poll, counts)
    return [replace(r, odd=odd.get(r.tenant, r.odd)) for r in readings]


def _pieces(due: Sequence[tuple[int, str]]) -> Iterator[Sequence[tuple[int, str]]]:
    return (due[i : i + PIECE] for i in range(0, len(due), PIECE))


def _ask(poll: Poll, patience: Patience, row: int, tenant: str) -> Reading | None:
    """Ask for one tenant: one's failure spoils one, unless nobody gets an answer any more."""
    if patience.lost:
        return None
    found = Reading(row, {}, None, None)
    for ask in (_compute, _storage):
        try:
            found = ask(poll, tenant, found)
        except TenantUnknownError:
            # It has no quota, and discovery will take it away.
            found = Reading(row, dict(NOTHING), {}, None, assumed=SERVICES)
            break
        except VersionRefusedError:
            # Of all tenants: the poll is repeated with another microversion.
            raise
        except CloudError as failure:
            found = replace(found, error=found.error or failure)
            if not isinstance(failure, OddFigureError):
                break
    patience.note(found.error)
    return found


def _compute(poll: Poll, tenant: str, found: Reading) -> Reading:
    if shared_services.COMPUTE in poll.shared:
        return _without_own(found, COMPUTE)
    return replace(found, quotas=nova.quotas(poll.connection, tenant))


def _storage(poll: Poll, tenant: str, found: Reading) -> Reading:
    is_shared = shared_services.BLOCK_STORAGE in poll.shared
    if is_shared or not poll.connection.entry.settings.block_storage:
        return replace(_without_own(found, VOLUME), volume_types={})
    whole, types, odd = cinder.quotas(poll.connection, tenant)
    return replace(found, quotas=found.quotas | whole, volume_types=types, odd=odd)


def _without_own(found: Reading, service: str) -> Reading:
    """Return a reading of a tenant that has nothing of a service."""
    nothing = {meter.name: Quota(0, 0) for meter in QUOTAS if meter.service == service}
    return replace(found, quotas=found.quotas | nothing, assumed=(*found.assumed, service))


def _write(poll: Poll, readings: Sequence[Reading]) -> None:
    now = int(poll.context.clock())
    with poll.writing() as db:
        for reading in readings:
            error = str(reading.error or reading.odd) or None
            quota.record(
                db,
                reading.tenant,
                reading.quotas,
                now=now,
                due_at=now + _wait(poll, reading),
                error=error,
                asked_at=poll.now,
                volume_types=reading.volume_types,
            )


def _wait(poll: Poll, reading: Reading) -> int:
    """Return the seconds after which a tenant is asked for again."""
    options, error = poll.options, reading.error
    if reading.is_moving:
        return int(options.retry_interval + options.overlap)
    if error is None or isinstance(error, OddFigureError):
        # Who answers is not asked so often that it would be a burden, for as long as that is odd.
        return int(options.quota_max_age)
    return int(max(options.retry_interval, error.retry_after))
