"""Usage: one tick of the odometer; what is allocated by the inventory, what is used by a source."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from openstats.clouds import meters
from openstats.clouds.meters import GRID, LONGEST, Asked
from openstats.collector.odometer import HOUR, Odometer, thin
from openstats.collector.poll import Poll
from openstats.meters import USAGE_METERS
from openstats.storage import instances, jobs, usage, volumes
from openstats.storage.store import Database

BOOT = Path("/proc/sys/kernel/random/boot_id")
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
    with poll.writing() as db:
        for name, held in _allocated(poll, db).items():
            odometer.hold(db, name, now, held)
    _measure(poll, now, odometer)
    if now // HOUR != poll.cursor.get("thinned"):
        thin(poll, USAGE_METERS)
        poll.cursor["thinned"] = now // HOUR


def _allocated(poll: Poll, db: Database) -> dict[str, dict[str, int]]:
    """Give what each tenant (Keystone id) has now, by meter; nothing that is not known any more."""
    settings, found = poll.connection.entry.settings, {}
    if not _fresh(poll, db, "instances"):
        return {}
    servers = instances.allocated(db, poll.cloud)
    found["vcpu_hours.allocated"] = {key: vcpus for key, (vcpus, _, _) in servers.items()}
    found["memory.allocated"] = {key: ram for key, (_, ram, _) in servers.items()}
    if not settings.block_storage or _fresh(poll, db, "volumes"):
        disks = {key: disk for key, (_, _, disk) in servers.items()}
        stored = volumes.gigabytes(db, poll.cloud)
        found["storage.allocated"] = {
            key: disks.get(key, 0) + 1024 * stored.get(key, 0) for key in disks.keys() | stored
        }
    return found


def _fresh(poll: Poll, db: Database, kind: str) -> bool:
    """Tell whether the inventory was read lately: for some ticks it may stand as it is."""
    polled_at = jobs.polled_at(db, poll.cloud, kind)
    longest = max(LONGEST, 2 * getattr(poll.options, f"{kind}_interval"))
    return polled_at is not None and poll.now - polled_at <= longest


def _measure(poll: Poll, now: int, odometer: Odometer) -> None:
    """Read what the cloud's source has since the last time, window by window."""
    settings = poll.connection.entry.settings
    source = settings.meter_source
    read = meters.load(source)
    with poll.store.read() as db:
        asked = Asked(
            connection=poll.connection,
            now=now,
            last=usage.ends(db, poll.cloud),
            running=instances.running(db, poll.cloud),
            cursor=usage.cursor(db, poll.cloud, source),
            settings=settings.meter_options,
            options=poll.usage,
            calls=poll.calls,
            clock=poll.clock,
        )
    first = None
    for window in read(asked):
        with poll.writing() as db:
            usage.keep_cursor(db, poll.cloud, source, window.cursor)
            for name, tick in window.ticks.items():
                odometer.add(db, name, tick, dated=window.dated)
        poll.missing = window.missing or poll.missing
        for tick in window.ticks.values():
            first = tick.at if first is None else first
            poll.say("usage", (tick.at - first) // GRID, (now - first) // GRID)
