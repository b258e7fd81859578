"""The odometer of one cloud, as a poll moves it on: ticks become readings, and old ones go."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from openstats.clouds.meters import LONGEST
from openstats.collector.polls.poll import Poll
from openstats.meters import OBSERVED, USAGE_METERS, UsageMeter
from openstats.readings import Reading, Tick
from openstats.statistics import odometer
from openstats.statistics.thinning import History, superfluous
from openstats.storage.store import Database
from openstats.storage.usage import readings
from openstats.unix_time import HOUR


@dataclass
class Odometer:
    """Adds ticks to the readings of a poll's cloud.

    ``stepped`` says that the clock was set since the last tick, so that nobody knows how much time
    passed.
    """

    poll: Poll
    stepped: bool
    _slots: dict[str, int] = field(default_factory=dict)

    def add(
        self, db: Database, name: str, tick: Tick, *, dated: bool = False, longest: int = LONGEST
    ) -> None:
        """Write a tick's reading, or a gap's end where nobody knows the time before it.

        ``dated``: its time is not our clock's. ``longest``: seconds of which it may be. A tick that
        is not later than the last reading came too late, and is none.
        """
        longest = longest if dated or not self.stepped else 0
        self._append(db, USAGE_METERS[name], tick, longest)
        if name in OBSERVED:
            # Whoever burnt something, or had nothing to burn it with, was observed.
            self._append(db, OBSERVED[name], replace(tick, gains={}), longest)

    def _append(self, db: Database, meter: UsageMeter, tick: Tick, longest: int) -> None:
        last = readings.last(db, self.poll.cloud, meter.name)
        if last is None:
            readings.append(db, self.poll.cloud, meter.name, odometer.begun(tick.at))
        elif tick.at > last.at:
            gap = tick.at - last.at > longest
            found = odometer.paused(last, tick.at) if gap else self._moved_on(db, meter, last, tick)
            readings.append(
                db, self.poll.cloud, meter.name, found, after_gap=tick.at - last.at > HOUR
            )

    def _moved_on(self, db: Database, meter: UsageMeter, last: Reading, tick: Tick) -> Reading:
        """Advance, with slots for Keystone ids; all tenants that a source reports have one."""
        slots = self._slots
        missing = (tick.gains.keys() | tick.unobserved) - slots.keys()
        if missing:
            slots |= readings.slots(db, self.poll.cloud, missing, self.poll.now)
        placed = replace(
            tick,
            gains={slots[key]: gain for key, gain in tick.gains.items()},
            unobserved=frozenset(slots[key] for key in tick.unobserved),
        )
        return odometer.advance(last, placed, meter)


def thin(poll: Poll, names: Iterable[str]) -> None:
    """Delete readings of meters that are closer together than their age asks for."""
    options = poll.usage
    history = History(options.all_days, options.hourly_days, options.timezone)
    with poll.writing() as db:
        for name in names:
            times = readings.times(db, poll.cloud, name)
            kept = {at for at, kept in times if kept}
            gone = superfluous([at for at, _ in times], kept, poll.now, history)
            readings.forget(db, poll.cloud, name, gone)
