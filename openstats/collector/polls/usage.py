"""Usage: one poll advances the odometer of a cloud.

Allocated amounts are derived from the inventory, used amounts are read from a meter source.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from openstats.clouds import meters
from openstats.clouds.json_documents import JsonObject
from openstats.clouds.meters import GRID, REPORT_VALIDITY, MeterRequest
from openstats.collector.polls.odometer import Odometer, thin
from openstats.collector.polls.poll import Poll
from openstats.collector.shared_services import COMPUTE
from openstats.meters import OBSERVED, USAGE_METERS
from openstats.readings import Delta
from openstats.storage import jobs
from openstats.storage.inventory import allocation, instances, volume_changes, volumes
from openstats.storage.store import Database
from openstats.storage.usage import readings
from openstats.unix_time import HOUR

ALLOCATED = ("vcpu_hours", "memory", "storage")
"""The allocated meters, in the order of the sums of ``storage.inventory.allocation``."""

BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")
NOVA_SOURCE = "nova"
"""The meter source that reads the diagnostics of the stored servers."""
STEP_SHARE = 0.1
"""The share of the elapsed time by which wall clock and uptime may differ."""


@dataclass(frozen=True)
class Moment:
    """A moment by two clocks: Unix seconds, and seconds since boot; ``boot`` is the boot id."""

    wall: float
    uptime: float
    boot: str

    def is_stepped(self, previous: JsonObject) -> bool:
        """Return whether the wall clock was set since a previous moment of the same boot."""
        if previous.get("boot") != self.boot:
            return False
        passed = self.uptime - previous["uptime"]
        return bool(abs(self.wall - previous["wall"] - passed) > STEP_SHARE * passed + 1)


def run(poll: Poll) -> None:
    """Add the usage since the last readings to the odometer; thin old readings once an hour."""
    now = poll.now // GRID * GRID
    boot = BOOT_ID_FILE.read_text().strip() if BOOT_ID_FILE.exists() else ""
    moment = Moment(poll.context.clock(), poll.context.uptime(), boot)
    odometer = Odometer(poll, moment.is_stepped(poll.result.cursor.get("moment", {})))
    poll.result.cursor["moment"] = asdict(moment)
    # On the grid, not an interval after this poll: readings are on the grid too.
    poll.result.next_at = now + GRID + poll.context.spread(GRID)
    _allocate(poll, now, odometer)
    _measure(poll, now, odometer)
    if now // HOUR != poll.result.cursor.get("thinned"):
        thin(poll, [*USAGE_METERS, *(meter.name for meter in OBSERVED.values())])
        poll.result.cursor["thinned"] = now // HOUR


def _allocate(poll: Poll, now: int, odometer: Odometer) -> None:
    """Add the allocations of servers and volumes since the last readings.

    Each server counts while it existed.
    """
    longest = max(REPORT_VALIDITY, 2 * int(poll.context.interval("instances")))
    with poll.writing() as db:
        at = _inventoried(poll, db, now)
        for name, delta in _deltas(poll, db, at).items():
            odometer.add(db, name, delta, longest=longest)
        # No delta reaches further back than this.
        allocation.forget_ended(db, poll.cloud, at - longest - GRID)
        volume_changes.forget(db, poll.cloud, at - longest - GRID)


def _inventoried(poll: Poll, db: Database, now: int) -> int:
    """Return the time until which the inventory has all creations and deletions.

    Return ``now`` if the inventory cannot be read: its last state then remains valid for some
    polls.
    """
    polled_at = jobs.polled_at(db, poll.cloud, "instances")
    if polled_at is None or polled_at >= now or jobs.failing(db, poll.cloud, "instances"):
        return now
    return polled_at // GRID * GRID


def _deltas(poll: Poll, db: Database, at: int) -> dict[str, Delta[str]]:
    """Return the allocations of tenants (Keystone ids) since the last readings, by meter.

    Leave out meters whose inventory is unknown or too old.
    """
    if not _fresh(poll, db, "instances"):
        return {}
    last = readings.newest_by_meter(db, poll.cloud)
    starts = {item: min(at, last.get(f"{item}.allocated", at)) for item in ALLOCATED}
    amounts = {}
    for start in set(starts.values()):
        amounts[start] = allocation.between(db, poll.cloud, start, at)
    deltas = {}
    for index, item in enumerate(ALLOCATED):
        start = starts[item]
        totals = {key: amount[index] for key, amount in amounts[start].items()}
        if item == "storage":
            sizes = _volume_sizes(poll, db)
            if sizes is None:
                continue
            totals = _with_volumes(totals, sizes, _gained(poll, db, start, at), at - start)
        deltas[f"{item}.allocated"] = _delta(at, at - start, totals)
    return deltas


def _delta(at: int, seconds: int, totals: Mapping[str, int]) -> Delta[str]:
    """Return a delta whose tenants were observed for the whole time."""
    gains = {key: (float(total), float(seconds)) for key, total in totals.items()}
    return Delta(at, float(seconds), gains)


def _with_volumes(
    disks: Mapping[str, int], sizes: Mapping[str, int], gained: Mapping[str, int], seconds: int
) -> dict[str, int]:
    """Return the MiB-seconds of disks and volumes by tenant.

    ``disks`` are MiB-seconds, ``sizes`` the current sizes of volumes in MiB. ``gained`` are the
    MiB-seconds to subtract for the time before the volumes had these sizes.
    """
    totals = Counter(disks)
    totals.update({key: size * seconds for key, size in sizes.items()})
    totals.subtract(gained)
    return totals


def _gained(poll: Poll, db: Database, start: int, at: int) -> dict[str, int]:
    """Return the MiB-seconds by tenant in which current volumes did not exist yet."""
    if not poll.connection.entry.settings.block_storage:
        return {}
    return _mebibytes(volume_changes.not_yet(db, poll.cloud, start, at))


def _volume_sizes(poll: Poll, db: Database) -> dict[str, int] | None:
    """Return the MiB of volumes by tenant; None if they were not read recently."""
    if not poll.connection.entry.settings.block_storage:
        return {}
    if not _fresh(poll, db, "volumes"):
        return None
    return _mebibytes(volumes.gigabytes(db, poll.cloud))


def _mebibytes(gigabytes: Mapping[str, int]) -> dict[str, int]:
    return {key: 1024 * size for key, size in gigabytes.items()}


def _fresh(poll: Poll, db: Database, kind: str) -> bool:
    """Return whether the inventory was read within two intervals, or ``REPORT_VALIDITY``."""
    polled_at = jobs.polled_at(db, poll.cloud, kind)
    longest = max(REPORT_VALIDITY, 2 * poll.context.interval(kind))
    return polled_at is not None and poll.now - polled_at <= longest


def _measure(poll: Poll, now: int, odometer: Odometer) -> None:
    """Read the cloud's meter source from where the last poll ended, and write batch by batch."""
    source, options = _source(poll)
    read = meters.load(source)
    request = _request(poll, now, source, options)
    if request is None:
        return
    first_at = None
    for batch in read(request):
        with poll.writing() as db:
            readings.write_cursor(db, poll.cloud, source, batch.cursor)
            for name, delta in batch.deltas.items():
                odometer.add(db, name, delta, dated=batch.dated)
        poll.result.missing = batch.missing or poll.result.missing
        for delta in batch.deltas.values():
            first_at = delta.at if first_at is None else first_at
            poll.report("usage", (delta.at - first_at) // GRID, (now - first_at) // GRID)
    _remember_missing(poll, now, is_new=first_at is not None)


def _source(poll: Poll) -> tuple[str, Mapping[str, object]]:
    """Return the meter source of the cloud, and its options."""
    if COMPUTE in poll.shared:
        # It has no servers of its own; Nova's source measures that they use nothing.
        return NOVA_SOURCE, {}
    settings = poll.connection.entry.settings
    return settings.meter_source, settings.meter_options


def _request(
    poll: Poll, now: int, source: str, meter_options: Mapping[str, object]
) -> MeterRequest | None:
    """Return the request to the source; None if it needs servers and these were never read."""
    with poll.store.read() as db:
        if source == NOVA_SOURCE and jobs.polled_at(db, poll.cloud, "instances") is None:
            # Without an inventory, usage is unknown rather than zero.
            return None
        last = readings.newest_by_meter(db, poll.cloud)
        running = instances.running(db, poll.cloud)
        cursor = readings.cursor(db, poll.cloud, source)
        return MeterRequest(
            connection=poll.connection,
            now=now,
            last=last,
            running=running,
            cursor=cursor,
            settings=meter_options,
            options=poll.context.usage,
            calls=poll.calls,
            clock=poll.context.clock,
        )


def _remember_missing(poll: Poll, now: int, *, is_new: bool) -> None:
    """Repeat what was missing if a poll has already read this step of the grid."""
    previous = poll.result.cursor.get("missing", {})
    if not is_new and previous.get("at") == now:
        poll.result.missing = previous["what"]
    poll.result.cursor["missing"] = {"at": now, "what": poll.result.missing}
