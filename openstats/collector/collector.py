"""The collector: leases due jobs, and runs each in a thread of its cloud.

``run`` does so until it is stopped, ``cycle`` runs every job once. ``runner`` has the steps of a
job in its thread.
"""

import random
import time
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Future, wait
from functools import partial
from threading import Event, Semaphore
from types import MappingProxyType

from oslo_config import cfg
from oslo_log import log

from openstats.clouds.clouds_yaml.entries import EntryFault
from openstats.clouds.connection import Connection
from openstats.collector import alerts
from openstats.collector.alertmanagers import Alertmanagers
from openstats.collector.cycle_timeout import wait_for
from openstats.collector.entries.connections import Connect, Connections
from openstats.collector.error_log import logged_errors
from openstats.collector.heartbeat import Heartbeat
from openstats.collector.polls.kinds import PHASES, POLLS
from openstats.collector.polls.poll import Clock, Jitter, PollContext, Progress, no_progress
from openstats.collector.runner import Runner
from openstats.collector.workers import Crews, Workers
from openstats.collector.working_time import WorkingTime
from openstats.errors import StoreError
from openstats.model import Lease
from openstats.storage import jobs
from openstats.storage.registry import clouds as cloud_rows
from openstats.storage.store import Store

LOG = log.getLogger(__name__)

EntryFaults = Mapping[str, EntryFault]
NO_FAULTS: EntryFaults = MappingProxyType({})

MAX_WRITERS = 4
"""Polls that may write at once: a store has fewer connections than there are polls."""

CLOSE_TIMEOUT = 5.0
"""Seconds that polls under way have to end when the collector closes."""

MAX_REST = 5.0
"""Longest pause in seconds before the collector checks the store for due jobs again."""

MIN_REST = 0.05
"""Shortest pause in seconds: no busy loop while a due job is leased by another collector."""


def spread(interval: float, share: float) -> float:
    """Return an interval varied randomly by up to ``share``, so that polls of clouds spread out."""
    return interval * (1 + random.uniform(-share, share))  # noqa: S311 (no secret)


class Collector:
    """Polls clouds when they are due; any number of collectors may share a store.

    Args:
        store: holds the jobs and the figures.
        connections: the clouds that this collector can poll, by name.
        conf: the configuration.
        connect: makes a connection to another cloud if clouds.yaml has an entry for it.
        faults: unusable entries, by the names of their clouds.
        clock: returns Unix seconds.
        uptime: returns seconds since this machine was started.
        jitter: varies an interval by a share of it.
        progress: shows the progress of a poll.
    """

    def __init__(
        self,
        store: Store,
        connections: Mapping[str, Connection],
        conf: cfg.ConfigOpts,
        *,
        connect: Connect,
        faults: EntryFaults = NO_FAULTS,
        clock: Clock = time.time,
        uptime: Clock = time.monotonic,
        jitter: Jitter = spread,
        progress: Progress = no_progress,
    ) -> None:
        self.stopped = Event()
        self.connections = Connections(store, connections, connect, clock, faults)
        self.heartbeat = Heartbeat(store, conf.collector.lease, clock)
        self._store, self._options, self._clock = store, conf.collector, clock
        self.context = PollContext(
            store=store,
            options=conf.collector,
            # Not conf.usage: oslo.config prints that for --help.
            usage=conf["usage"],
            alerts=conf.alerts,
            clock=clock,
            uptime=uptime,
            jitter=jitter,
            writers=Semaphore(MAX_WRITERS),
            stopped=self.stopped.is_set,
            progress=progress,
        )
        self._working_time = WorkingTime(clock, uptime)
        self.runner = Runner(self.context, self.connections, self._working_time)
        self._alertmanagers = Alertmanagers(store, conf, clock)
        self._crews = Crews(conf.collector.threads)
        self._wake = Event()
        self._registered = False
        self._cycling: set[str] = set()

    def register(self) -> None:
        """Register the clouds of this collector and their jobs."""
        self.connections.register()
        self._registered = True

    def run(self) -> None:
        """Run due polls until ``stop`` is called from another thread."""
        while not self.stopped.is_set():
            self._wake.clear()
            self.heartbeat.note_turn()
            self._wake.wait(self._turn())
        self.close()

    def _turn(self) -> float:
        """Start the due polls; return the seconds until others may be due. Log all errors."""
        try:
            if not self._registered:
                self.register()
            self._do_housekeeping()
            self.connections.refresh()
            askable = self.connections.by_name.keys() - self.connections.refused
            free = self._crews.free(askable - self._cycling)
            for lease in self._lease(POLLS, free):
                self._start(lease, full=False)
            return self._seconds_until_due(free)
        except StoreError as error:
            LOG.error("%s", error)
        except Exception:
            # If the loop ended, figures would grow old while everything seems well.
            LOG.exception("a defect of openstats in the collector's loop")
        return MAX_REST

    def _do_housekeeping(self) -> None:
        """Keep alerts up to date even if nothing is polled."""
        if self._working_time.note_turn():
            now, since = int(self._clock()), self._working_time.since()
            with logged_errors("alerts"):
                alerts.do_housekeeping(self.context, now=now, since=since)
            self._alertmanagers.start()

    def _lease(self, kinds: Iterable[str], free: Mapping[str, int]) -> list[Lease]:
        """Lease due jobs: for each cloud at most the number of its ``free`` threads."""
        if not free:
            return []
        now = self._clock()
        until, limit = now + self._options.lease, len(POLLS) * len(free)
        with self._store.transaction() as db:
            return jobs.lease(db, free, kinds, now=now, until=until, limit=limit, per_cloud=free)

    def _start(self, lease: Lease, *, full: bool) -> Future[None]:
        """Start a poll in a thread of its cloud; renew its lease until the poll ends."""
        self.heartbeat.add(lease)
        crew = self._crews.crew(lease.cloud.name)
        poll = crew.submit(partial(self.runner.run, lease, crew.calls, full=full))
        poll.add_done_callback(partial(self._end, lease))
        return poll

    def _end(self, lease: Lease, poll: Future[None]) -> None:
        # A poll that was cancelled before it began still holds its lease.
        if not poll.cancelled():
            self.heartbeat.remove(lease)
        self._wake.set()

    def _seconds_until_due(self, clouds: Iterable[str]) -> float:
        with self._store.read() as db:
            due_at = jobs.next_at(db, clouds)
        if due_at is None:
            return MAX_REST
        return min(max(due_at - self._clock(), MIN_REST), MAX_REST)

    def stop(self) -> None:
        """Make ``run`` end soon: polls under way make no more calls, and their jobs stay due."""
        self.stopped.set()
        self._wake.set()
        self.connections.stop()

    def close(self) -> None:
        """End the threads; release jobs that have not begun, or do not end in ``CLOSE_TIMEOUT``."""
        self.stop()
        self._crews.close(CLOSE_TIMEOUT)
        for lease in self.heartbeat.leases:
            self.runner.release(lease)
        self.heartbeat.stop()

    # -- one cycle on demand

    def cycle(
        self,
        kinds: Collection[str] = tuple(POLLS),
        *,
        full: bool = False,
        patience: float | None = None,
    ) -> list[str]:
        """Poll every cloud once, now, phase by phase; return the errors.

        After ``patience`` seconds without an answer, a cloud is no longer waited for. Its cycle
        continues, and ``run`` does not poll that cloud until the cycle ends.
        """
        connections = self.connections.by_name
        for connection in connections.values():
            # A user requested this cycle, and may have fixed the cause of a refusal.
            connection.forget_refusal()
        cycles = Workers(len(connections), "cycle")
        self._cycling |= connections.keys()
        under_way: dict[str, Future[None]] = {}
        for name in connections:
            under_way[name] = cycles.submit(self._cycle_cloud, name, kinds, full=full)
        cycles.shutdown(wait=False)
        wait_for(under_way, connections, patience)
        return self._errors(kinds)

    def _cycle_cloud(self, name: str, kinds: Collection[str], *, full: bool) -> None:
        # The first poll may rename the cloud after another entry.
        uuid = self.connections.uuid_of(name)
        try:
            for phase in PHASES:
                if not self.stopped.is_set():
                    self._poll_now(uuid, [kind for kind in phase if kind in kinds], full=full)
        finally:
            self._cycling.discard(name)
            self._wake.set()

    def _poll_now(self, uuid: str | None, kinds: list[str], *, full: bool) -> None:
        """Run polls of the given kinds for one cloud, and wait for them."""
        with self._store.transaction() as db:
            clouds = [cloud for cloud in cloud_rows.clouds(db) if cloud.uuid == uuid]
            jobs.make_due(db, [cloud.id for cloud in clouds], kinds, self._clock())
        leases = self._lease(kinds, {cloud.name: len(kinds) for cloud in clouds})
        wait([self._start(lease, full=full) for lease in leases])

    def _errors(self, kinds: Collection[str]) -> list[str]:
        """Return the faults of entries, and the errors of the last polls of the given kinds."""
        errors = list(self.connections.faults.values())
        with self._store.read() as db:
            outcomes = jobs.outcomes(db)
        for outcome in outcomes:
            is_asked = outcome.cloud in self.connections.by_name and outcome.kind in kinds
            if is_asked and outcome.error:
                errors.append(outcome.error)
        return errors
