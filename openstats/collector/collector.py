"""The collector: leases due jobs and runs each in a thread of its cloud."""

import random
import time
from collections.abc import Callable, Iterable, Mapping, Set
from concurrent.futures import CancelledError, Future, wait
from dataclasses import replace
from functools import partial
from threading import Event, Semaphore
from types import MappingProxyType
from typing import Any

from oslo_log import log

from openstats.clouds.clouds_yaml.entries import EntryFault
from openstats.clouds.connection import Connection
from openstats.collector import alerts, outcomes, shared_services
from openstats.collector.alertmanagers import Alertmanagers
from openstats.collector.attempt import attempt
from openstats.collector.connections import Connect, Roster
from openstats.collector.cycle import wait_for
from openstats.collector.heartbeat import Heart
from openstats.collector.polls.kinds import PHASES, POLLS, ask
from openstats.collector.polls.poll import Poll, Progress, silent
from openstats.collector.workers import Crews, Workers
from openstats.collector.working_time import Awake
from openstats.errors import (
    CloudError,
    ConfigError,
    LeaseLostError,
    OpenstatsError,
    StoppedError,
    StoreError,
)
from openstats.model import Lease
from openstats.storage import jobs
from openstats.storage.registry import clouds as cloud_rows
from openstats.storage.store import Store

LOG = log.getLogger(__name__)


NO_FAULTS: Mapping[str, EntryFault] = MappingProxyType({})

WRITERS = 4
"""Polls that write at once: there are more polls than connections to a store, and they can wait."""

ENDING = 5.0
"""Seconds in which polls under way may end once the collector does."""

LONGEST_REST = 5.0
"""Seconds after which the collector looks into the store whether somebody made a job due."""


def spread(interval: float, share: float) -> float:
    """Vary an interval by up to a share of it, so that clouds are not all asked at once."""
    return interval * (1 + random.uniform(-share, share))  # noqa: S311 (no secret)


class Collector:
    """Asks clouds when they are due; any number of collectors may share a store.

    Args:
        store: where jobs are leased and figures are kept.
        connections: the clouds that this collector can ask, by name.
        conf: the configuration.
        connect: makes a connection to a further cloud, if there is an entry for it by now.
        faults: entries that cannot be used, by the names of their clouds.
        clock: gives Unix seconds.
        uptime: gives seconds since this machine was started.
        jitter: varies an interval by a share of it.
        progress: told how far a poll is.
    """

    def __init__(
        self,
        store: Store,
        connections: Mapping[str, Connection],
        conf: Any,
        *,
        connect: Connect,
        faults: Mapping[str, EntryFault] = NO_FAULTS,
        clock: Callable[[], float] = time.time,
        uptime: Callable[[], float] = time.monotonic,
        jitter: Callable[[float, float], float] = spread,
        progress: Progress = silent,
    ) -> None:
        self.store = store
        self.roster = Roster(store, connections, connect, clock, faults)
        self.options = conf.collector
        # Not conf.usage, which is what oslo.config prints for --help.
        self.usage = conf["usage"]
        self.alerts = conf.alerts
        self.clock = clock
        self.uptime = uptime
        self.jitter = jitter
        self.progress = progress
        self._awake = Awake(clock, uptime)
        self._alertmanagers = Alertmanagers(store, conf, clock)
        self._wake = Event()
        self.stopped = Event()
        self._registered = False
        self._crews = Crews(self.options.threads)
        self._writers = Semaphore(WRITERS)
        self._cycling: set[str] = set()
        self.heart = Heart(store, self.options.lease, clock)

    def register(self) -> None:
        """Write the clouds of this collector and their jobs into the registry."""
        self.roster.register()
        self._registered = True

    @property
    def connections(self) -> Mapping[str, Connection]:
        """The clouds that are asked, by name."""
        return self.roster.connections

    def cycle(
        self,
        kinds: Iterable[str] = tuple(POLLS),
        *,
        full: bool = False,
        patience: float | None = None,
    ) -> list[str]:
        """Poll everything once, now, each cloud phase by phase; return the errors.

        ``patience`` are seconds after which a cloud that is silent is not waited for. Its cycle
        goes on, and until it is over ``run`` lets the cloud alone.
        """
        for connection in list(self.connections.values()):
            # Somebody asks for it now, and may have mended what was refused.
            connection.forget_refusal()
        rounds = Workers(len(self.connections), "cycle")
        self._cycling |= self.connections.keys()
        under_way = {
            name: rounds.submit(self._cycle_one, name, set(kinds), full)
            for name in list(self.connections)
        }
        rounds.shutdown(wait=False)
        wait_for(under_way, self.connections, patience)
        return self._errors(kinds)

    def _cycle_one(self, name: str, kinds: Set[str], full: bool) -> None:
        # Its first poll may have it named after another entry.
        uuid = self.roster.uuid_of(name)
        try:
            for phase in PHASES:
                if not self.stopped.is_set():
                    self._phase(uuid, [kind for kind in phase if kind in kinds], full)
        finally:
            self._cycling.discard(name)
            self._wake.set()

    def _phase(self, uuid: str | None, kinds: list[str], full: bool) -> None:
        with self.store.transaction() as db:
            clouds = [cloud for cloud in cloud_rows.clouds(db) if cloud.uuid == uuid]
            jobs.make_due(db, [cloud.id for cloud in clouds], kinds, self.clock())
        leases = self._lease(kinds, {cloud.name: len(kinds) for cloud in clouds})
        wait([self._start(lease, full) for lease in leases])

    def _errors(self, kinds: Iterable[str]) -> list[str]:
        with self.store.read() as db:
            outcomes = jobs.outcomes(db)
        rows = [row for row in outcomes if row.cloud in self.connections and row.kind in kinds]
        return [*self.roster.faults.values(), *(row.error for row in rows if row.error)]

    def run(self) -> None:
        """Poll what is due, for ever, until ``stop`` is called from another thread."""
        while not self.stopped.is_set():
            self._wake.clear()
            self.heart.turn()
            rest = LONGEST_REST
            try:
                if not self._registered:
                    self.register()
                self._tidy()
                self.roster.refresh()
                clouds = self.connections.keys() - self._cycling - self.roster.refused
                free = self._crews.free(clouds)
                for lease in self._lease(POLLS, free):
                    self._start(lease, full=False)
                rest = self._rest(free)
            except StoreError as error:
                LOG.error("%s", error)
            except Exception:
                # A loop that ended would leave the figures to grow old while everything looks well.
                LOG.exception("a defect of openstats in the collector's loop")
            self._wake.wait(rest)
        self.close()

    def _tidy(self) -> None:
        """Look after alerts even where nothing is polled."""
        if self._awake.look():
            given, now = (self.store, self.alerts, self.options), int(self.clock())
            attempt("alerts", lambda: alerts.tidy(*given, now=now, since=self._awake.since()))
            self._alertmanagers.start()

    def stop(self) -> None:
        """Have ``run`` end soon: polls under way ask nothing more, and are left to the next one."""
        self.stopped.set()
        self._wake.set()
        self.roster.stop()

    def close(self) -> None:
        """End the threads; jobs that did not begin, or do not end soon, are given back."""
        self.stop()
        self._crews.close(ENDING)
        for lease in self.heart.leases:
            attempt("a poll that hangs", partial(self._release, lease))
        self.heart.stop()

    def _rest(self, clouds: Iterable[str]) -> float:
        with self.store.read() as db:
            due = jobs.next_at(db, clouds)
        return LONGEST_REST if due is None else min(max(due - self.clock(), 0.05), LONGEST_REST)

    def _lease(self, kinds: Iterable[str], free: Mapping[str, int]) -> list[Lease]:
        """Lease jobs that are due, at most so many of each cloud."""
        if not free:
            return []
        now = self.clock()
        with self.store.transaction() as db:
            until, limit = now + self.options.lease, len(POLLS) * len(free)
            return jobs.lease(db, free, kinds, now=now, until=until, limit=limit, per_cloud=free)

    def _start(self, lease: Lease, full: bool) -> Future[None]:
        self.heart.hold(lease)
        # By the time it runs, the cloud may have been forgotten.
        connection = self.connections.get(lease.cloud.name)
        future = self._crews.of(lease.cloud.name).submit(self._run, lease, connection, full)
        future.add_done_callback(partial(self._ran, lease))
        return future

    def _ran(self, lease: Lease, future: Future[None]) -> None:
        # One that was cancelled before it began has its lease still.
        if not future.cancelled():
            self.heart.release(lease)
        self._wake.set()

    def _run(self, lease: Lease, connection: Any, full: bool) -> None:
        """Run one poll and write its outcome, whatever it is: a poll never ends the collector."""
        poll = self._poll(lease, connection, full)
        try:
            cloud, connection = self.roster.settle(lease.cloud, lease.kind)
            poll = self._poll(replace(lease, cloud=cloud), connection, full)
            poll.shared = shared_services.find(self.store, cloud, connection)
            outcomes.succeed(ask(poll))
        except LeaseLostError as lost:
            # Whoever has the job now knows better what is wrong.
            LOG.warning("%s", lost)
            return None
        except (StoppedError, CancelledError) as stopped:
            # A call that waited for a thread is cancelled, and has no words.
            LOG.info("%s", poll.sentence(str(stopped) or "stopped"))
            return attempt("a poll that was stopped", lambda: self._release(lease))
        except StoreError as error:
            LOG.error("%s", poll.sentence(error))
        except (CloudError, ConfigError) as error:
            LOG.warning("%s", poll.sentence(error))
            outcomes.fail(poll, error)
        except Exception as error:
            LOG.exception("a defect of openstats in %s of %s", lease.kind, lease.cloud.name)
            outcomes.fail(poll, OpenstatsError(f"a defect of openstats: {error!r}"))
        attempt(f"alerts of {poll.cloud.name}", lambda: alerts.after(poll, self._awake.since()))
        return None

    def _release(self, lease: Lease) -> None:
        """Leave a job to whoever comes next: it is due as before."""
        with self.store.transaction() as db:
            jobs.release(db, lease)

    def _poll(self, lease: Lease, connection: Any, full: bool) -> Poll:
        return Poll(
            lease=lease,
            connection=connection,
            store=self.store,
            options=self.options,
            usage=self.usage,
            alerts=self.alerts,
            clock=self.clock,
            uptime=self.uptime,
            jitter=self.jitter,
            calls=self._crews.of(lease.cloud.name).calls,
            writers=self._writers,
            stopped=self.stopped.is_set,
            full=full,
            progress=self.progress,
            cursor=dict(lease.cursor),
            now=int(self.clock()),
        )
