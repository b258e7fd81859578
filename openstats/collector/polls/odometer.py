"""Writing the odometer of one cloud: deltas become readings, and old readings are thinned.

The arithmetic is in ``statistics.odometer`` and ``statistics.thinning``.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from openstats.clouds.meters import REPORT_VALIDITY
from openstats.collector.polls.poll import Poll
from openstats.meters import OBSERVED, USAGE_METERS, UsageMeter
from openstats.readings import Delta, Reading
from openstats.statistics import odometer
from openstats.statistics.thinning import Retention, superfluous
from openstats.storage.store import Database
from openstats.storage.usage import readings
from openstats.unix_time import HOUR


@dataclass
class Odometer:
    """Adds deltas to the readings of a poll's cloud.

    ``stepped`` tells that the clock was set since the last poll: the elapsed time is unknown.
    """

    poll: Poll
    stepped: bool
    _slots: dict[str, int] = field(default_factory=dict)

    def add(
        self,
        db: Database,
        name: str,
        delta: Delta[str],
        *,
        dated: bool = False,
        longest: int = REPORT_VALIDITY,
    ) -> None:
        """Write the reading that results from a delta, or the end of a gap.

        Write the end of a gap if more than ``longest`` seconds have passed since the last reading,
        or if the clock was set and the delta is not ``dated`` by the source's clock. Ignore a
        delta that is not later than the last reading.
        """
        longest = longest if dated or not self.stepped else 0
        self._append(db, USAGE_METERS[name], delta, longest)
        if name in OBSERVED:
            # A tenant that used something, or had nothing to use, was observed.
            self._append(db, OBSERVED[name], replace(delta, gains={}), longest)

    def _append(self, db: Database, meter: UsageMeter, delta: Delta[str], longest: int) -> None:
        cloud, last = self.poll.cloud, readings.last(db, self.poll.cloud, meter.name)
        if last is None:
            readings.append(db, cloud, meter.name, odometer.first_reading(delta.at))
            return
        passed = delta.at - last.at
        if passed <= 0:
            return
        if passed > longest:
            reading = odometer.end_of_gap(last, delta.at)
        else:
            reading = self._advance(db, meter, last, delta)
        readings.append(db, cloud, meter.name, reading, after_gap=passed > HOUR)

    def _advance(
        self, db: Database, meter: UsageMeter, last: Reading, delta: Delta[str]
    ) -> Reading:
        """Return the next reading; create slots for tenants (Keystone ids) that have none."""
        slots = self._slots
        without_slot = (delta.gains.keys() | delta.unobserved) - slots.keys()
        if without_slot:
            slots |= readings.slots(db, self.poll.cloud, without_slot, self.poll.now)
        gains = {slots[tenant_id]: gain for tenant_id, gain in delta.gains.items()}
        unobserved = frozenset(slots[tenant_id] for tenant_id in delta.unobserved)
        return odometer.advance(last, Delta(delta.at, delta.seconds, gains, unobserved), meter)


def thin(poll: Poll, names: Iterable[str]) -> None:
    """Delete the readings of meters that are denser than the retention for their age."""
    options = poll.context.usage
    retention = Retention(options.all_days, options.hourly_days, options.timezone)
    with poll.writing() as db:
        for name in names:
            times = readings.times(db, poll.cloud, name)
            gap_ends = {at for at, is_kept in times if is_kept}
            old = superfluous([at for at, _ in times], gap_ends, poll.now, retention)
            readings.delete_at(db, poll.cloud, name, old)
