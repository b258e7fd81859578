"""Usage: one tick of the odometer; what is allocated by the inventory, what is used by a source."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from openstats.clouds import meters
from openstats.clouds.meters import GRID, LONGEST, Asked
from openstats.collector.poll import Poll
from openstats.meters import USAGE_METERS
from openstats.model import Tick
from openstats.statistics import odometer
from openstats.statistics.thinning import History, superfluous
from openstats.storage import instances, jobs, usage, volumes
from openstats.storage.store import Database

BOOT = Path("/proc/sys/kernel/random/boot_id")
STEP = 0.1
"""By which share wall clock and uptime may differ before the wall clock is not believed."""

HOUR = 3600


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
    stepped = moment.stepped(poll.cursor.get("moment", {}))
    poll.cursor["moment"] = asdict(moment)
    # Not an interval after this one: readings are on the grid, whenever they were asked for.
    poll.next_at = now + GRID + poll.spread(GRID)
    with poll.writing() as db:
        for name, held in _allocated(poll, db).items():
            _hold(poll, db, name, now, held, stepped)
    _measure(poll, now, stepped)
    if now // HOUR != poll.cursor.get("thinned"):
        _thin(poll)
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


def _hold(
    poll: Poll, db: Database, name: str, now: int, held: Mapping[str, int], stepped: bool
) -> None:
    """Have tenants hold something since the last reading of a meter."""
    last = usage.last(db, poll.cloud, name)
    seconds = now - last.at if last else 0
    gains = {key: (float(amount * seconds), float(seconds)) for key, amount in held.items()}
    _append(poll, db, name, Tick(now, seconds, gains), stepped)


def _append(poll: Poll, db: Database, name: str, tick: Tick, stepped: bool) -> None:
    """Write a tick's reading; where nobody knows the time before it, that of a gap's end."""
    last = usage.last(db, poll.cloud, name)
    if last is None:
        usage.append(db, poll.cloud, name, odometer.begun(tick.at))
        return
    passed = tick.at - last.at
    if passed <= 0:
        return
    if stepped or passed > LONGEST:
        end = odometer.paused(last, tick.at)
        usage.append(db, poll.cloud, name, end, after_gap=passed > HOUR)
        return
    slots = usage.slots(db, poll.cloud, tick.gains.keys() | tick.unobserved, poll.now)
    placed = replace(
        tick,
        gains={slots[key]: gain for key, gain in tick.gains.items()},
        unobserved=frozenset(slots[key] for key in tick.unobserved),
    )
    usage.append(db, poll.cloud, name, odometer.advance(last, placed, USAGE_METERS[name]))


def _measure(poll: Poll, now: int, stepped: bool) -> None:
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
    for window in read(asked):
        with poll.writing() as db:
            usage.keep_cursor(db, poll.cloud, source, window.cursor)
            for name, tick in window.ticks.items():
                _append(poll, db, name, tick, stepped)
        poll.missing = window.missing or poll.missing


def _thin(poll: Poll) -> None:
    """Delete readings that are closer together than their age asks for."""
    options = poll.usage
    history = History(options.all_days, options.hourly_days, options.timezone)
    with poll.writing() as db:
        for name in usage.ends(db, poll.cloud):
            times = usage.times(db, poll.cloud, name)
            kept = {at for at, kept in times if kept}
            gone = superfluous([at for at, _ in times], kept, poll.now, history)
            usage.forget(db, poll.cloud, name, gone)
