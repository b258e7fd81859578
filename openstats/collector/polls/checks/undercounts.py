"""Servers and volumes that services list, and do not count in quotas.

A quota of less than its tenant is known to have makes that tenant's own list be asked for, after
the quota. What is in it, was there before the quota was asked for and did not change since must
have been counted, whatever came and went meanwhile. vCPUs and memory are no such measure: Nova may
count them by what Placement allocates, which is nothing for Ironic's nodes and shelved servers.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from openstats.clouds.connection import Connection
from openstats.clouds.paging import Paging
from openstats.clouds.services import tallies
from openstats.clouds.services.tallies import Tally
from openstats.collector.polls.checks.unlisted_servers import COUNTED_SERVERS, MOST_ASKED
from openstats.collector.polls.poll import Poll
from openstats.meters import COMPUTE, VOLUME
from openstats.model import Cloud
from openstats.storage.inventory import instances, volumes
from openstats.storage.store import Database


@dataclass(frozen=True)
class Subject:
    """What a service lists and counts: ``known`` says how many each tenant (row) has.

    ``meter`` is the quota, ``unit`` how many of it are one of what is listed, ``share`` how much of
    that must be counted at least.
    """

    service: str
    meter: str
    words: str
    known: Callable[[Database, Cloud], Mapping[int, int]]
    listed: Callable[[Connection, str, int, Paging], Tally]
    unit: int = 1
    share: float = 1.0

    def is_low(self, in_use: int, listed: int) -> bool:
        """Return whether less is counted than can be."""
        return in_use < self.share * listed


SERVERS = Subject(COMPUTE, "max_instances", COUNTED_SERVERS, instances.numbers, tallies.servers)
VOLUMES = Subject(
    VOLUME,
    "storage",
    "Cinder counts {} GiB of tenant {} as in use, and lists volumes of {} GiB",
    volumes.held,
    tallies.gigabytes,
    unit=1024,
    # Cinder keeps counters beside its volumes, and loses count by what failed.
    share=0.5,
)
SUBJECTS = SERVERS, VOLUMES


class Count(NamedTuple):
    """A tenant by row and by Keystone id, and what its quota says is in use."""

    tenant: int
    key: str
    in_use: int


class Verdict(NamedTuple):
    """What is wrong with a count; one that is not certain may have changed just now."""

    words: str
    certain: bool


@dataclass
class Judge:
    """Holds counts of one poll against lists; of too many, against those of a sample."""

    poll: Poll
    _asked: int = 0
    _certain: bool = False

    def verdicts(self, subject: Subject, counts: Iterable[Count]) -> dict[int, Verdict]:
        """Return what is wrong, by tenant (row)."""
        with self.poll.store.read() as db:
            known = subject.known(db, self.poll.cloud)
        low = [c for c in counts if subject.is_low(c.in_use, known.get(c.tenant, 0))]
        asked = low[: MOST_ASKED - self._asked]
        self._asked += len(asked)
        found = {count.tenant: self._verdict(subject, count) for count in asked}
        wrong = {tenant: verdict for tenant, verdict in found.items() if verdict}
        self._certain = self._certain or any(verdict.certain for verdict in wrong.values())
        return wrong | self._unasked(subject, low[len(asked) :], known)

    def _verdict(self, subject: Subject, count: Count) -> Verdict | None:
        before = self.poll.now - self.poll.overlap
        listed = subject.listed(self.poll.connection, count.key, before, self.poll.paging)
        if not subject.is_low(count.in_use, listed.total):
            return None
        words = subject.words.format(count.in_use, count.key, listed.total)
        return Verdict(words, certain=subject.is_low(count.in_use, listed.settled))

    def _unasked(
        self, subject: Subject, counts: Sequence[Count], known: Mapping[int, int]
    ) -> dict[int, Verdict]:
        """Judge those that are too many to be asked for as the sample was."""
        return {
            count.tenant: Verdict(
                subject.words.format(count.in_use, count.key, known[count.tenant]), self._certain
            )
            for count in counts
        }
