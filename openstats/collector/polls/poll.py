"""A poll: a leased job, the context of its collector, and its result.

What a kind of poll asks for and keeps is in the module of that kind.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from openstats.clouds.connection import Connection
from openstats.clouds.omissions import Omissions
from openstats.clouds.paging import Paging
from openstats.model import Changes, Cloud, Lease
from openstats.storage import jobs, quota
from openstats.storage.inventory import resource_providers
from openstats.storage.registry import tenants
from openstats.storage.store import Database, Store

Clock = Callable[[], float]
"""Returns seconds."""

Jitter = Callable[[float, float], float]
"""Varies an interval by up to a share of it."""

Progress = Callable[[str, str, int, int | None], None]
"""Shows how far a poll is: cloud, what is read, how many so far, of how many (None: unknown)."""


def no_progress(_cloud: str, _subject: str, _done: int, _total: int | None) -> None:
    """Show nothing."""


@dataclass(frozen=True)
class PollContext:
    """What all polls of a collector share.

    ``options``, ``usage`` and ``alerts`` are groups of the configuration. ``clock`` returns Unix
    seconds, ``uptime`` seconds that pass whatever the clock is set to. ``jitter`` varies an
    interval by up to a share of it. ``writers`` limits how many polls write at once. ``stopped``
    returns whether the collector is stopping.
    """

    store: Store
    options: Any
    usage: Any
    alerts: Any
    clock: Clock
    uptime: Clock
    jitter: Jitter
    writers: AbstractContextManager[Any]
    stopped: Callable[[], bool]
    progress: Progress

    def jittered(self, interval: float) -> float:
        """Return an interval, varied so that clouds are not all asked at once."""
        return self.jitter(interval, self.options.jitter)

    def spread(self, interval: float) -> float:
        """Return seconds from none to twice the jitter of an interval."""
        return self.jittered(interval) - interval * (1 - float(self.options.jitter))


@dataclass
class PollResult:
    """The result of a poll: the cursor for the next poll of its kind, and what could not be read.

    ``missing`` is a sentence on what a poll that succeeded did not bring. ``next_at`` is when the
    next poll is due, where that is not an interval later.
    """

    cursor: dict[str, Any]
    missing: str | None = None
    next_at: float | None = None


@dataclass(frozen=True)
class Poll:
    """A leased job of a cloud, with everything that it may use.

    ``now`` is the Unix time at which it began, ``full`` whether everything is to be read anew.
    ``calls`` makes calls side by side. ``shared`` are the services whose figures another cloud
    has, with its name, as ``shared_services`` finds them.
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
        """The store, in which every poll reads and writes."""
        return self.context.store

    @property
    def options(self) -> Any:
        """The options of ``[collector]``."""
        return self.context.options

    @property
    def cloud(self) -> Cloud:
        """The cloud as the registry knows it."""
        return self.lease.cloud

    @property
    def is_first(self) -> bool:
        """Whether no poll of this kind ever succeeded."""
        return self.lease.polled_at is None

    @property
    def overlap(self) -> int:
        """Seconds by which dates of the cloud may be too early."""
        return int(self.options.overlap) + self.connection.clock_skew.behind

    @property
    def paging(self) -> Paging:
        """How lists are read; one that is under way ends when the collector stops."""
        options = self.options
        return Paging(options.page_size, options.max_pages, self.context.stopped, options.max_items)

    def full_sync_due(self, cursor: Mapping[str, Any]) -> bool:
        """Return whether everything is to be read rather than what changed."""
        # The key is the one that stores of all versions have.
        return self.full or self.now - cursor.get("swept_at", 0) >= self.options.full_interval

    def note_missing(self, sentence: str) -> None:
        """Note what this poll could not read, beside what it could."""
        sentences = [self.result.missing] if self.result.missing else []
        self.result.missing = "; ".join([*sentences, sentence])

    def note_omissions(self, omissions: Omissions) -> None:
        """Note the items of a list that could not be read, if there are any."""
        if omissions.number:
            self.note_missing(str(omissions))

    def report(self, subject: str, done: int, total: int | None = None) -> None:
        """Show progress: how many of a subject ("servers") were read, and of how many."""
        self.context.progress(self.cloud.name, subject, done, total)

    @contextmanager
    def writing(self) -> Iterator[Database]:
        """Open a transaction for what was read; it renews the lease first.

        Raises:
            LeaseLostError: another collector does this job now, and nothing is written.
        """
        with self.context.writers, self.store.transaction() as db:
            jobs.renew(db, self.lease, self.context.clock() + self.options.lease)
            yield db

    def follow_up(self, db: Database, changes: Changes) -> None:
        """Make due what changes call for: quotas of tenants, hypervisors, and discovery."""
        resource_providers.touch(db, self.cloud, changes.hosts)
        quota.make_due(db, changes.tenants, int(self.context.clock()))
        if not changes.tenants:
            return
        jobs.make_due(db, [self.cloud.id], ["quotas"], self.now)
        if tenants.unmet(db, self.cloud):
            # Discovery has to look for tenants that only this poll knows; once for each of them.
            pause = self.options.retry_interval
            jobs.make_due_again(db, self.cloud.id, "discovery", now=self.now, pause=pause)


def log_line(lease: Lease, words: object) -> str:
    """Return a line of the log on the end of a poll; ``words`` may begin with its cloud."""
    cloud = lease.cloud.name
    return f"{lease.kind} of {cloud}: {str(words).removeprefix(f'{cloud}: ')}"
