"""Undercounts: servers and volumes that services list, but do not count in quotas.

A quota of less than its tenant is known to have makes that tenant's own list be asked for, after
the quota. What is in it, was there before the quota was asked for and did not change since must
have been counted, whatever came and went meanwhile. vCPUs and memory are no such measure: Nova may
count them by what Placement allocates, which is nothing for Ironic's nodes and shelved servers.
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
    MOST_ASKED,
    TenantCount,
)
from openstats.collector.polls.poll import Poll
from openstats.meters import COMPUTE, VOLUME
from openstats.model import Cloud
from openstats.storage.inventory import instances, volumes
from openstats.storage.store import Database


@dataclass(frozen=True)
class QuotaMeasure:
    """What a service lists and counts.

    ``meter`` is the quota, ``unit`` how many of it are one of what is listed, ``share`` how much of
    that must be counted at least. ``stored`` reads how many each tenant (row) has, ``tally`` asks a
    cloud for a tenant's own.
    """

    service: str
    meter: str
    sentence: str
    stored: Callable[[Database, Cloud], Mapping[int, int]]
    tally: Callable[[Connection, str, int, Paging], Tally]
    unit: int = 1
    share: float = 1.0

    def is_low(self, in_use: int, number: int) -> bool:
        """Return whether the count is too low for the number that is listed."""
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
    # Cinder keeps counters beside its volumes, and loses count by what failed.
    share=0.5,
)
MEASURES = SERVERS, VOLUMES


class Undercount(NamedTuple):
    """What is wrong with a count; where that is not certain, it may have changed just now."""

    sentence: str
    is_certain: bool


@dataclass
class UndercountCheck:
    """Compares the counts of one poll with lists; of too many, those of a sample."""

    poll: Poll
    _asked_number: int = 0
    _was_certain: bool = False

    def undercounts(
        self, measure: QuotaMeasure, counts: Iterable[TenantCount]
    ) -> dict[int, Undercount]:
        """Return the undercounts by tenant (row).

        Tenants that are too many to be asked for are judged as the sample was.
        """
        with self.poll.store.read() as db:
            stored = measure.stored(db, self.poll.cloud)
        suspects = [c for c in counts if measure.is_low(c.in_use, stored.get(c.row, 0))]
        sample = suspects[: MOST_ASKED - self._asked_number]
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
        """Ask for a tenant's own list, and return what is wrong with its count."""
        poll = self.poll
        unchanged_since = poll.now - poll.overlap
        tally = measure.tally(poll.connection, count.key, unchanged_since, poll.paging)
        if not measure.is_low(count.in_use, tally.total):
            return None
        sentence = measure.sentence.format(count.in_use, count.key, tally.total)
        return Undercount(sentence, is_certain=measure.is_low(count.in_use, tally.settled))
