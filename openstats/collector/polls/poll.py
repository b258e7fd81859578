"""A poll: a leased job, the context of its collector, and its result.

Code for one kind of poll belongs in the module of that kind.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from openstats.clouds.connection import Connection
from openstats.clouds.json_documents import JsonObject
from openstats.clouds.meters import GRID
from openstats.clouds.omissions import Omissions
from openstats.clouds.paging import Paging
from openstats.collector.polls.options import CollectorOptions, UsageOptions
from openstats.conf.alerts import AlertOptions
from openstats.model import Changes, Cloud, Lease
from openstats.storage import jobs
from openstats.storage.inventory import resource_providers
from openstats.storage.quota import by_tenant
from openstats.storage.registry import tenants
from openstats.storage.store import Database, Store

Clock = Callable[[], float]
"""Returns seconds."""

Jitter = Callable[[float, float], float]
"""Varies an interval by up to a share of it."""

Progress = Callable[[str, str, int, int | None], None]
"""Shows the progress of a poll: cloud, subject, number read, total (None if unknown)."""


def no_progress(_cloud: str, _subject: str, _done: int, _total: int | None) -> None:
    """Show nothing."""


@dataclass(frozen=True)
class PollContext:
    """The objects and options that all polls of a collector share.

    ``options``, ``usage`` and ``alerts`` are groups of the configuration. ``clock`` returns Unix
    seconds, ``uptime`` seconds of a monotonic clock. ``jitter`` varies an interval by up to a
    share of it. ``writers`` limits the number of polls that write at once. ``stopped`` returns
    whether the collector is stopping.
    """

    store: Store
    options: CollectorOptions
    usage: UsageOptions
    alerts: AlertOptions
    clock: Clock
    uptime: Clock
    jitter: Jitter
    writers: AbstractContextManager[object]
    stopped: Callable[[], bool]
    progress: Progress

    def jittered(self, interval: float) -> float:
        """Return an interval (seconds) varied by the jitter, so that polls of clouds spread out."""
        return self.jitter(interval, self.options.jitter)

    def interval(self, kind: str) -> float:
        """Return the seconds between two polls of a kind; usage has no option, but the grid."""
        return float(getattr(self.options, f"{kind}_interval", GRID))

    def spread(self, interval: float) -> float:
        """Return a number of seconds between 0 and twice the jitter of an interval."""
        return self.jittered(interval) - interval * (1 - self.options.jitter)


@dataclass
class PollResult:
    """The result of a poll: the cursor for the next poll of its kind, and what could not be read.

    ``missing`` describes what the figures of a successful poll lack. ``next_at`` is the Unix time
    of the next poll; None for the interval of its kind.
    """

    cursor: dict[str, Any]
    missing: str | None = None
    next_at: float | None = None


@dataclass(frozen=True)
class Poll:
    """A leased job of a cloud, with everything that it may use.

    ``now`` is the Unix time at which it began. ``full`` requests that everything is read again.
    ``calls`` executes concurrent calls. ``shared`` holds the services whose figures belong to
    another cloud, with the name of that cloud (see ``shared_services``).
    """

    context: PollContext
    lease: Lease
    connection: Connection
    calls: Executor
    now: int
    full: bool = False
    shared: Mapping[str, str] = field(default_factory=dict)
    result: PollResult = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "result", PollResult(dict(self.lease.cursor)))

    @property
    def store(self) -> Store:
        """The store that all polls read and write."""
        return self.context.store

    @property
    def options(self) -> CollectorOptions:
        """The options of ``[collector]``."""
        return self.context.options

    @property
    def cloud(self) -> Cloud:
        """The registered cloud."""
        return self.lease.cloud

    @property
    def is_first(self) -> bool:
        """Whether no poll of this kind has succeeded yet."""
        return self.lease.polled_at is None

    @property
    def overlap(self) -> int:
        """The number of seconds by which dates of the cloud may be too early."""
        return self.options.overlap + self.connection.clock_skew.behind

    @property
    def paging(self) -> Paging:
        """The options for reading lists; a list under way is aborted when the collector stops."""
        options = self.options
        return Paging(options.page_size, options.max_pages, self.context.stopped, options.max_items)

    def full_sync_due(self, cursor: JsonObject) -> bool:
        """Return whether to read everything instead of only the changes."""
        # The key keeps its old name: stores of earlier versions have it.
        return self.full or self.now - cursor.get("swept_at", 0) >= self.options.full_interval

    def note_missing(self, sentence: str) -> None:
        """Add a sentence on what this poll could not read to its result."""
        sentences = [self.result.missing] if self.result.missing else []
        self.result.missing = "; ".join([*sentences, sentence])

    def note_omissions(self, omissions: Omissions) -> None:
        """Add the items of a list that could not be read to the result, if there are any."""
        if omissions.number:
            self.note_missing(str(omissions))

    def report(self, subject: str, done: int, total: int | None = None) -> None:
        """Show progress: ``done`` of ``total`` items of a subject ("servers") were read."""
        self.context.progress(self.cloud.name, subject, done, total)

    @contextmanager
    def writing(self) -> Iterator[Database]:
        """Open a transaction for writing what was read; renew the lease first.

        Raises:
            LeaseLostError: another collector holds the lease now; nothing is written.
        """
        with self.context.writers, self.store.transaction() as db:
            jobs.renew(db, self.lease, self.context.clock() + self.options.lease)
            yield db

    def follow_up(self, db: Database, changes: Changes) -> None:
        """Schedule what changes require: quotas of tenants, hypervisors, and discovery."""
        resource_providers.touch(db, self.cloud, changes.hosts)
        by_tenant.make_due(db, changes.tenants, int(self.context.clock()))
        if not changes.tenants:
            return
        jobs.make_due(db, [self.cloud.id], ["quotas"], self.now)
        if tenants.unmet(db, self.cloud):
            # Discovery must look for tenants that only this poll has seen, once for each of them.
            pause = self.options.retry_interval
            jobs.make_due_again(db, self.cloud.id, "discovery", now=self.now, pause=pause)


def log_line(lease: Lease, words: object) -> str:
    """Return a log line about the end of a poll; drop the cloud's name if ``words`` repeat it."""
    cloud = lease.cloud.name
    return f"{lease.kind} of {cloud}: {str(words).removeprefix(f'{cloud}: ')}"
