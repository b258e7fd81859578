"""One poll: a leased job with everything that it may use."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from openstats.clouds.connection import Connection
from openstats.clouds.paging import Paging, never
from openstats.model import Changes, Cloud, Lease
from openstats.storage import jobs, quota
from openstats.storage.inventory import capacity
from openstats.storage.registry import tenants
from openstats.storage.store import Database, Store

Progress = Callable[[str, str, int, int | None], None]
"""Told of what is under way: cloud, what, how many so far, of how many (None: nobody knows)."""


def silent(_cloud: str, _what: str, _done: int, _total: int | None) -> None:
    """Show nothing."""


@dataclass
class Poll:
    """What a poll is made of; ``cursor`` is what it leaves for the next one of its kind.

    ``now`` is the Unix time at which it began, ``full`` whether everything is to be read anew,
    ``stopped`` whether the collector is stopping. ``writers`` lets so many polls write at once.
    ``shared`` are services whose figures another cloud has, as ``shared_services`` says.
    ``missing`` tells what a poll that succeeded did not bring, ``next_at`` when the next is due,
    where that is not an interval later. ``options``, ``usage`` and ``alerts`` are groups of the
    configuration.
    """

    lease: Lease
    connection: Connection
    store: Store
    options: Any
    usage: Any
    alerts: Any
    clock: Callable[[], float]
    uptime: Callable[[], float]
    jitter: Callable[[float, float], float]
    calls: Executor
    writers: AbstractContextManager[Any] = field(default_factory=nullcontext)
    stopped: Callable[[], bool] = never
    full: bool = False
    progress: Progress = silent
    shared: Mapping[str, str] = field(default_factory=dict)
    cursor: dict[str, Any] = field(default_factory=dict)
    now: int = 0
    missing: str | None = None
    next_at: float | None = None

    @property
    def cloud(self) -> Cloud:
        """The cloud as the registry knows it."""
        return self.lease.cloud

    @property
    def first(self) -> bool:
        """Whether no poll of this kind ever succeeded."""
        return self.lease.polled_at is None

    @property
    def overlap(self) -> int:
        """Seconds by which what the cloud dates may seem older than it is."""
        return int(self.options.overlap) + self.connection.clock_skew.behind

    @property
    def paging(self) -> Paging:
        """How lists are read; one that is under way ends when the collector stops."""
        options = self.options
        return Paging(options.page_size, options.max_pages, self.stopped, options.max_items)

    def miss(self, what: str) -> None:
        """Note what this poll does not bring, beside what it brings."""
        self.missing = f"{self.missing}; {what}" if self.missing else what

    @contextmanager
    def writing(self) -> Iterator[Database]:
        """Open a transaction for what was read; it prolongs the lease first.

        Raises:
            LeaseLostError: another collector does this job now, and nothing is written.
        """
        with self.writers, self.store.transaction() as db:
            jobs.renew(db, self.lease, self.clock() + self.options.lease)
            yield db

    def changed(self, db: Database, changes: Changes) -> None:
        """Have quotas and hypervisors read soon where something changed, and new tenants found."""
        capacity.touch(db, self.cloud, changes.hosts)
        quota.make_due(db, changes.tenants, int(self.clock()))
        if changes.tenants:
            jobs.make_due(db, [self.cloud.id], ["quotas"], self.now)
            self._meet(db)

    def _meet(self, db: Database) -> None:
        """Have discovery look for tenants that only this poll knows; once for each of them."""
        if tenants.unmet(db, self.cloud):
            pause = self.options.retry_interval
            jobs.make_due_again(db, self.cloud.id, "discovery", now=self.now, pause=pause)

    def sweep_due(self, cursor: Mapping[str, Any]) -> bool:
        """Tell whether it is time to read everything rather than what changed."""
        return self.full or self.now - cursor.get("swept_at", 0) >= self.options.full_interval

    def spread(self, interval: float) -> float:
        """Give a while, for clouds not to be asked all at once: none to twice the jitter."""
        share: float = self.options.jitter
        return self.jitter(interval, share) - interval * (1 - share)

    def sentence(self, words: object) -> str:
        """Return a line for the log of what a poll ended with, which may name its cloud itself."""
        cloud = self.cloud.name
        return f"{self.lease.kind} of {cloud}: {str(words).removeprefix(f'{cloud}: ')}"

    def say(self, what: str, done: int, total: int | None = None) -> None:
        """Tell whoever watches how far this is."""
        self.progress(self.cloud.name, what, done, total)
