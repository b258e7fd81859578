"""Usage: one tick of the odometer; what is allocated by the inventory, what is used by a source."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from openstats.clouds import meters
from openstats.clouds.meters import GRID, LONGEST, Asked
from openstats.collector.polls.odometer import Odometer, thin
from openstats.collector.polls.poll import Poll
from openstats.collector.shared_services import COMPUTE
from openstats.meters import OBSERVED, USAGE_METERS
from openstats.readings import Tick
from openstats.storage import jobs
from openstats.storage.inventory import allocation, instances, volume_changes, volumes
from openstats.storage.store import Database
from openstats.storage.usage import readings
from openstats.unix_time import HOUR

ALLOCATED = ("vcpu_hours", "memory", "storage")
"""What is allocated, in the order of ``storage.allocation``."""

BOOT = Path("/proc/sys/kernel/random/boot_id")
OF_SERVERS = "nova"
"""The meter source that asks for the servers that are known."""
STEP = 0.1
"""By which share wall clock and uptime may differ before the wall clock is not believed."""


@dataclass(frozen=True)
class Moment:
    """A moment by two clocks: Unix seconds, and seconds since a machine was started."""

    wall: float
    uptime: float
    boot: str

    def stepped(self, before: Mapping[str, Any]) -> bool:
        """Tell whether the wall clock was put forward or back since a moment on this machine."""
        if before.get("boot") != self.boot:
            return False
        passed = self.uptime - before["uptime"]
        return bool(abs(self.wall - before["wall"] - passed) > STEP * passed + 1)


def poll(poll: Poll) -> None:
    """Add to the totals what came since the last readings, and let go of what grew old."""
    now = poll.now // GRID * GRID
    moment = Moment(poll.clock(), poll.uptime(), BOOT.read_text().strip() if BOOT.exists() else "")
    odometer = Odometer(poll, moment.stepped(poll.cursor.get("moment", {})))
    poll.cursor["moment"] = asdict(moment)
    # Not an interval after this one: readings are on the grid, whenever they were asked for.
    poll.next_at = now + GRID + poll.spread(GRID)
    _allocate(poll, now, odometer)
    _measure(poll, now, odometer)
    if now // HOUR != poll.cursor.get("thinned"):
        thin(poll, [*USAGE_METERS, *(meter.name for meter in OBSERVED.values())])
        poll.cursor["thinned"] = now // HOUR


def _allocate(poll: Poll, now: int, odometer: Odometer) -> None:
    """Add what servers and volumes had since the last readings, each server while it existed."""
    longest = max(LONGEST, 2 * poll.options.instances_interval)
    with poll.writing() as db:
        at = _inventoried(poll, db, now)
        for name, tick in _ticks(poll, db, at).items():
            odometer.add(db, name, tick, longest=longest)
        # Of more time than the longest tick nothing is counted any more.
        allocation.forget_ended(db, poll.cloud, at - longest - GRID)
        volume_changes.forget(db, poll.cloud, at - longest - GRID)


def _inventoried(poll: Poll, db: Database, now: int) -> int:
    """Return until when the inventory tells all that was created and deleted.

    Where it cannot be read, what was there stands for some ticks.
    """
    polled_at = jobs.polled_at(db, poll.cloud, "instances")
    if polled_at is None or polled_at >= now or jobs.failing(db, poll.cloud, "instances"):
        return now
    return polled_at // GRID * GRID


def _ticks(poll: Poll, db: Database, at: int) -> dict[str, Tick]:
    """Return what tenants (Keystone ids) had since the last readings; nothing that is not known."""
    if not _fresh(poll, db, "instances"):
        return {}
    ends = readings.ends(db, poll.cloud)
    stored = _stored(poll, db)
    amounts: dict[int, allocation.Amounts] = {}
    ticks = {}
    for place, item in enumerate(ALLOCATED):
        name = f"{item}.allocated"
        start = min(at, ends.get(name, at))
        if start not in amounts:
            amounts[start] = allocation.between(db, poll.cloud, start, at)
        totals = {key: held[place] for key, held in amounts[start].items()}
        if item == "storage":
            if stored is None:
                continue
            totals = _with_volumes(totals, stored, _gained(poll, db, start, at), at - start)
        seconds = float(at - start)
        ticks[name] = Tick(at, seconds, {key: (float(t), seconds) for key, t in totals.items()})
    return ticks


def _with_volumes(
    totals: Mapping[str, int], stored: Mapping[str, int], gained: Mapping[str, int], seconds: int
) -> dict[str, int]:
    """Return MiB-seconds of disks and volumes; of the latter less what was gained meanwhile."""
    return {
        key: totals.get(key, 0) + stored.get(key, 0) * seconds - gained.get(key, 0)
        for key in totals.keys() | stored.keys() | gained.keys()
    }


def _gained(poll: Poll, db: Database, start: int, at: int) -> dict[str, int]:
    """Return MiB-seconds in which volumes that are there now were not there yet."""
    if not poll.connection.entry.settings.block_storage:
        return {}
    gains = volume_changes.not_yet(db, poll.cloud, start, at)
    return {key: 1024 * gained for key, gained in gains.items()}


def _stored(poll: Poll, db: Database) -> dict[str, int] | None:
    """Return MiB of volumes by tenant; None where they are not known any more."""
    if not poll.connection.entry.settings.block_storage:
        return {}
    if not _fresh(poll, db, "volumes"):
        return None
    return {key: 1024 * size for key, size in volumes.gigabytes(db, poll.cloud).items()}


def _fresh(poll: Poll, db: Database, kind: str) -> bool:
    """Tell whether the inventory was read lately: for some ticks it may stand as it is."""
    polled_at = jobs.polled_at(db, poll.cloud, kind)
    longest = max(LONGEST, 2 * getattr(poll.options, f"{kind}_interval"))
    return polled_at is not None and poll.now - polled_at <= longest


def _measure(poll: Poll, now: int, odometer: Odometer) -> None:
    """Read what the cloud's source has since the last time, window by window."""
    settings = poll.connection.entry.settings
    source, given = settings.meter_source, settings.meter_options
    if COMPUTE in poll.shared:
        # It has no servers of its own: all that is measured is that they use nothing.
        source, given = OF_SERVERS, {}
    read = meters.load(source)
    with poll.store.read() as db:
        if source == OF_SERVERS and jobs.polled_at(db, poll.cloud, "instances") is None:
            # That no server is known does not say that none used anything.
            return
        asked = Asked(
            connection=poll.connection,
            now=now,
            last=readings.ends(db, poll.cloud),
            running=instances.running(db, poll.cloud),
            cursor=readings.cursor(db, poll.cloud, source),
            settings=given,
            options=poll.usage,
            calls=poll.calls,
            clock=poll.clock,
        )
    first = None
    for window in read(asked):
        with poll.writing() as db:
            readings.keep_cursor(db, poll.cloud, source, window.cursor)
            for name, tick in window.ticks.items():
                odometer.add(db, name, tick, dated=window.dated)
        poll.missing = window.missing or poll.missing
        for tick in window.ticks.values():
            first = tick.at if first is None else first
            poll.say("usage", (tick.at - first) // GRID, (now - first) // GRID)
    _remember_missing(poll, now, is_new=first is not None)


def _remember_missing(poll: Poll, now: int, *, is_new: bool) -> None:
    """Note anew what was missing, where this step of the grid was read already."""
    before = poll.cursor.get("missing", {})
    if not is_new and before.get("at") == now:
        poll.missing = before["what"]
    poll.cursor["missing"] = {"at": now, "what": poll.missing}
