"""The collector: it leases jobs that are due, and runs each in a thread of its cloud.

``run`` does so for ever, ``cycle`` once for everything. What happens to a job in its thread is in
``runner``.
"""

import random
import time
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Future, wait
from functools import partial
from threading import Event, Semaphore
from types import MappingProxyType
from typing import Any

from oslo_log import log

from openstats.clouds.clouds_yaml.entries import EntryFault
from openstats.clouds.connection import Connection
from openstats.collector import alerts
from openstats.collector.alertmanagers import Alertmanagers
from openstats.collector.attempt import attempt
from openstats.collector.connections import Connect, Connections
from openstats.collector.cycle import wait_for
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


Faults = Mapping[str, EntryFault]
NO_FAULTS: Faults = MappingProxyType({})

WRITERS = 4
"""Polls that write at once: there are more polls than connections to a store, and they can wait."""

ENDING = 5.0
"""Seconds in which polls under way may end once the collector does."""

LONGEST_REST = 5.0
"""Seconds after which the collector looks into the store whether somebody made a job due."""

SHORTEST_REST = 0.05
"""Seconds for which it rests at least, so that it does not spin while a job is taken elsewhere."""


def spread(interval: float, share: float) -> float:
    """Return an interval that is varied by up to a share, so that clouds are not asked at once."""
    return interval * (1 + random.uniform(-share, share))  # noqa: S311 (no secret)


class Collector:
    """Asks clouds when they are due; any number of collectors may share a store.

    Args:
        store: where jobs are leased and figures are kept.
        connections: the clouds that this collector can ask, by name.
        conf: the configuration.
        connect: makes a connection to a further cloud, if there is an entry for it by now.
        faults: entries that cannot be used, by the names of their clouds.
        clock: returns Unix seconds.
        uptime: returns seconds since this machine was started.
        jitter: varies an interval by a share of it.
        progress: shows how far a poll is.
    """

    def __init__(
        self,
        store: Store,
        connections: Mapping[str, Connection],
        conf: Any,
        *,
        connect: Connect,
        faults: Faults = NO_FAULTS,
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
            # Not conf.usage, which is what oslo.config prints for --help.
            usage=conf["usage"],
            alerts=conf.alerts,
            clock=clock,
            uptime=uptime,
            jitter=jitter,
            writers=Semaphore(WRITERS),
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
        """Write the clouds of this collector and their jobs into the registry."""
        self.connections.register()
        self._registered = True

    def run(self) -> None:
        """Poll what is due, for ever, until ``stop`` is called from another thread."""
        while not self.stopped.is_set():
            self._wake.clear()
            self.heartbeat.note_turn()
            self._wake.wait(self._turn())
        self.close()

    def _turn(self) -> float:
        """Start the polls that are due; return the seconds until there may be others."""
        try:
            if not self._registered:
                self.register()
            self._keep_house()
            self.connections.refresh()
            askable = self.connections.by_name.keys() - self.connections.refused
            free = self._crews.free(askable - self._cycling)
            for lease in self._lease(POLLS, free):
                self._start(lease, full=False)
            return self._seconds_until_due(free)
        except StoreError as error:
            LOG.error("%s", error)
        except Exception:
            # A loop that ended would leave the figures to grow old while everything looks well.
            LOG.exception("a defect of openstats in the collector's loop")
        return LONGEST_REST

    def _keep_house(self) -> None:
        """Keep alerts up to date even where nothing is polled."""
        if self._working_time.note_turn():
            now, since = int(self._clock()), self._working_time.since()
            attempt("alerts", partial(alerts.keep_house, self.context, now=now, since=since))
            self._alertmanagers.start()

    def _lease(self, kinds: Iterable[str], free: Mapping[str, int]) -> list[Lease]:
        """Lease jobs that are due; of each cloud at most as many as it has ``free`` threads."""
        if not free:
            return []
        now = self._clock()
        until, limit = now + self._options.lease, len(POLLS) * len(free)
        with self._store.transaction() as db:
            return jobs.lease(db, free, kinds, now=now, until=until, limit=limit, per_cloud=free)

    def _start(self, lease: Lease, *, full: bool) -> Future[None]:
        """Start a poll in a thread of its cloud; its lease is renewed until the poll has ended."""
        self.heartbeat.add(lease)
        crew = self._crews.crew(lease.cloud.name)
        poll = crew.submit(partial(self.runner.run, lease, crew.calls, full=full))
        poll.add_done_callback(partial(self._end, lease))
        return poll

    def _end(self, lease: Lease, poll: Future[None]) -> None:
        # One that was cancelled before it began has its lease still.
        if not poll.cancelled():
            self.heartbeat.remove(lease)
        self._wake.set()

    def _seconds_until_due(self, clouds: Iterable[str]) -> float:
        with self._store.read() as db:
            due_at = jobs.next_at(db, clouds)
        if due_at is None:
            return LONGEST_REST
        return min(max(due_at - self._clock(), SHORTEST_REST), LONGEST_REST)

    def stop(self) -> None:
        """End ``run`` soon: polls under way make no more calls, and their jobs stay due."""
        self.stopped.set()
        self._wake.set()
        self.connections.stop()

    def close(self) -> None:
        """End the threads; release jobs that have not begun, or do not end soon."""
        self.stop()
        self._crews.close(ENDING)
        for lease in self.heartbeat.leases:
            self.runner.release(lease)
        self.heartbeat.stop()

    # -- everything once

    def cycle(
        self,
        kinds: Collection[str] = tuple(POLLS),
        *,
        full: bool = False,
        patience: float | None = None,
    ) -> list[str]:
        """Poll everything once, now, each cloud phase by phase; return the errors.

        ``patience`` are seconds after which a cloud that is silent is not waited for. Its cycle
        goes on, and until it is over ``run`` lets the cloud alone.
        """
        connections = self.connections.by_name
        for connection in connections.values():
            # Somebody asks for it now, and may have mended what was refused.
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
        # Its first poll may have it named after another entry.
        uuid = self.connections.uuid_of(name)
        try:
            for phase in PHASES:
                if not self.stopped.is_set():
                    self._poll_now(uuid, [kind for kind in phase if kind in kinds], full=full)
        finally:
            self._cycling.discard(name)
            self._wake.set()

    def _poll_now(self, uuid: str | None, kinds: list[str], *, full: bool) -> None:
        """Poll some kinds of a cloud at once, and wait for them."""
        with self._store.transaction() as db:
            clouds = [cloud for cloud in cloud_rows.clouds(db) if cloud.uuid == uuid]
            jobs.make_due(db, [cloud.id for cloud in clouds], kinds, self._clock())
        leases = self._lease(kinds, {cloud.name: len(kinds) for cloud in clouds})
        wait([self._start(lease, full=full) for lease in leases])

    def _errors(self, kinds: Collection[str]) -> list[str]:
        """Return the faults of entries, and the errors of the last polls of some kinds."""
        errors = list(self.connections.faults.values())
        with self._store.read() as db:
            outcomes = jobs.outcomes(db)
        for outcome in outcomes:
            is_asked = outcome.cloud in self.connections.by_name and outcome.kind in kinds
            if is_asked and outcome.error:
                errors.append(outcome.error)
        return errors
