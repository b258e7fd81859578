"""Undercounts: servers and volumes that services list, but do not count in quotas.

If a quota's usage is lower than the stored inventory of its tenant, the tenant's own list is read
after the quota. Items that existed before the quota was read, and have not changed since, must have
been counted. vCPUs and memory are not checked: Nova may count them by Placement's allocations,
which are zero for Ironic nodes and shelved servers.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from openstats.clouds.connection import Connection
from openstats.clouds.paging import Paging
from openstats.clouds.services import tallies
from openstats.clouds.services.tallies import Tally
from openstats.collector.polls.checks.unlisted_servers import (
    COUNTED_SERVERS,
    MAX_REQUESTED,
    TenantCount,
)
from openstats.collector.polls.poll import Poll
from openstats.meters import COMPUTE, VOLUME
from openstats.model import Cloud
from openstats.storage.inventory import instances, volumes
from openstats.storage.store import Database


@dataclass(frozen=True)
class QuotaMeasure:
    """A quota whose usage can be compared with a list of the same service.

    Attributes:
        service: the service.
        meter: the name of the quota.
        sentence: the message of an undercount: usage, tenant, listed number.
        stored: returns the stored number of each tenant (row).
        tally: reads the number from a tenant's own list.
        unit: the number of quota units in one listed unit.
        share: the share of the listed number that must be counted.
    """

    service: str
    meter: str
    sentence: str
    stored: Callable[[Database, Cloud], Mapping[int, int]]
    tally: Callable[[Connection, str, int, Paging], Tally]
    unit: int = 1
    share: float = 1.0

    def is_low(self, in_use: int, number: int) -> bool:
        """Return whether a quota's usage is too low for the listed number."""
        return in_use < self.share * number


SERVERS = QuotaMeasure(
    COMPUTE, "max_instances", COUNTED_SERVERS, instances.numbers, tallies.servers
)
VOLUMES = QuotaMeasure(
    VOLUME,
    "storage",
    "Cinder counts {} GiB of tenant {} as in use, and lists volumes of {} GiB",
    volumes.gigabytes_by_row,
    tallies.gigabytes,
    unit=1024,
    # Cinder's separate counters become wrong when operations fail.
    share=0.5,
)
MEASURES = SERVERS, VOLUMES


class Undercount(NamedTuple):
    """An undercount; if it is not certain, it may be due to a change just now."""

    sentence: str
    is_certain: bool


@dataclass
class UndercountCheck:
    """Compares the quotas of one poll with lists, for at most ``MAX_REQUESTED`` tenants."""

    poll: Poll
    _asked_number: int = 0
    _was_certain: bool = False

    def undercounts(
        self, measure: QuotaMeasure, counts: Iterable[TenantCount]
    ) -> dict[int, Undercount]:
        """Return the undercounts by tenant (row).

        Tenants beyond the sample are judged by the stored numbers; their undercounts are certain if
        one of the sample was.
        """
        with self.poll.store.read() as db:
            stored = measure.stored(db, self.poll.cloud)
        suspects = [c for c in counts if measure.is_low(c.in_use, stored.get(c.row, 0))]
        sample = suspects[: MAX_REQUESTED - self._asked_number]
        self._asked_number += len(sample)
        undercounts = {}
        for count in sample:
            undercount = self._compare(measure, count)
            if undercount:
                undercounts[count.row] = undercount
                self._was_certain = self._was_certain or undercount.is_certain
        for count in suspects[len(sample) :]:
            sentence = measure.sentence.format(count.in_use, count.key, stored[count.row])
            undercounts[count.row] = Undercount(sentence, self._was_certain)
        return undercounts

    def _compare(self, measure: QuotaMeasure, count: TenantCount) -> Undercount | None:
        """Read a tenant's own list; return the undercount, or None."""
        poll = self.poll
        unchanged_since = poll.now - poll.overlap
        tally = measure.tally(poll.connection, count.key, unchanged_since, poll.paging)
        if not measure.is_low(count.in_use, tally.total):
            return None
        sentence = measure.sentence.format(count.in_use, count.key, tally.total)
        return Undercount(sentence, is_certain=measure.is_low(count.in_use, tally.settled))
