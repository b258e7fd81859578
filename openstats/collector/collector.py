"""The collector: leases due jobs and runs them in a bounded pool of threads."""

import random
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from threading import Event
from types import MappingProxyType
from typing import Any

from oslo_log import log

from openstats.clouds.connection import Connection
from openstats.clouds.entry import Fault
from openstats.collector import (
    alerts,
    capacity,
    discovery,
    instances,
    providers,
    quotas,
    usage,
    volumes,
)
from openstats.collector.alertmanagers import Alertmanagers
from openstats.collector.attempt import attempt
from openstats.collector.awake import Awake
from openstats.collector.heart import Heart
from openstats.collector.poll import Poll, Progress, silent
from openstats.collector.roster import Connect, Roster
from openstats.errors import (
    CloudError,
    ConfigError,
    LeaseLostError,
    OpenstatsError,
    StoppedError,
    StoreError,
)
from openstats.model import Lease
from openstats.storage import jobs, registry
from openstats.storage.store import Store

LOG = log.getLogger(__name__)

POLLS: dict[str, Callable[[Poll], None]] = {
    "discovery": discovery.poll,
    "capacity": capacity.poll,
    "instances": instances.poll,
    "volumes": volumes.poll,
    "quotas": quotas.poll,
    "providers": providers.poll,
    "usage": usage.poll,
}
PHASES = (("discovery",), ("instances", "volumes"), ("capacity", "quotas"), ("providers", "usage"))
"""In a cycle that is run on demand, what must be known before the next is asked."""

NO_FAULTS: Mapping[str, Fault] = MappingProxyType({})

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
        faults: Mapping[str, Fault] = NO_FAULTS,
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
        self._workers = ThreadPoolExecutor(self.options.threads, "poll")
        self._calls = ThreadPoolExecutor(self.options.threads, "call")
        self.heart = Heart(store, self.options.lease, clock)

    def register(self) -> None:
        """Write the clouds of this collector and their jobs into the registry."""
        self.roster.register()
        self._registered = True

    @property
    def connections(self) -> Mapping[str, Connection]:
        """The clouds that are asked, by name."""
        return self.roster.connections

    def cycle(self, kinds: Iterable[str] = tuple(POLLS), *, full: bool = False) -> list[str]:
        """Poll everything once, now, phase by phase; give the errors, none if all went well."""
        for connection in self.connections.values():
            connection.forget_refusal()
        for phase in PHASES:
            if self.stopped.is_set():
                break
            wanted = [kind for kind in phase if kind in kinds]
            with self.store.transaction() as db:
                mine = [c.id for c in registry.clouds(db) if c.name in self.connections]
                jobs.make_due(db, mine, wanted, self.clock())
            leases = self._lease(wanted, max(1, len(mine) * len(wanted)))
            wait([self._start(lease, full) for lease in leases])
        return self._errors(kinds)

    def _errors(self, kinds: Iterable[str]) -> list[str]:
        with self.store.read() as db:
            found = jobs.outcomes(db)
        mine = [row for row in found if row["name"] in self.connections and row["kind"] in kinds]
        return [*self.roster.faults.values(), *(row["error"] for row in mine if row["error"])]

    def run(self) -> None:
        """Poll what is due, for ever, until ``stop`` is called from another thread."""
        running: set[Future[None]] = set()
        while not self.stopped.is_set():
            self._wake.clear()
            self.heart.turn()
            running = {future for future in running if not future.done()}
            rest = LONGEST_REST
            try:
                if not self._registered:
                    self.register()
                self._tidy()
                self.roster.refresh()
                leases = self._lease(POLLS, self.options.threads - len(running))
                running |= {self._start(lease, full=False) for lease in leases}
                rest = self._rest()
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
        """Have ``run`` end once the polls under way have."""
        self.stopped.set()
        self._wake.set()

    def close(self) -> None:
        """Wait for what is under way and end the threads."""
        self._workers.shutdown()
        self._calls.shutdown()
        self.heart.stop()

    def _rest(self) -> float:
        with self.store.read() as db:
            due = jobs.next_at(db, self.connections)
        return LONGEST_REST if due is None else min(max(due - self.clock(), 0.05), LONGEST_REST)

    def _lease(self, kinds: Iterable[str], limit: int) -> list[Lease]:
        if limit <= 0:
            return []
        now = self.clock()
        with self.store.transaction() as db:
            until = now + self.options.lease
            return jobs.lease(db, self.connections, kinds, now=now, until=until, limit=limit)

    def _start(self, lease: Lease, full: bool) -> Future[None]:
        self.heart.hold(lease)
        # By the time it runs, the cloud may have been forgotten.
        connection = self.connections.get(lease.cloud.name)
        future = self._workers.submit(self._run, lease, connection, full)
        future.add_done_callback(lambda _: self._ran(lease))
        return future

    def _ran(self, lease: Lease) -> None:
        self.heart.release(lease)
        self._wake.set()

    def _run(self, lease: Lease, connection: Any, full: bool) -> None:
        """Run one poll and write its outcome, whatever it is: a poll never ends the collector."""
        poll = self._poll(lease, connection, full)
        try:
            cloud, connection = self.roster.settle(lease.cloud, lease.kind)
            poll = self._poll(replace(lease, cloud=cloud), connection, full)
            POLLS[lease.kind](poll)
            self._succeeded(poll)
        except LeaseLostError as lost:
            # Whoever has the job now knows better what is wrong.
            LOG.warning("%s", lost)
            return None
        except StoppedError as stopped:
            LOG.info("%s", stopped)
            return attempt("a poll that was stopped", lambda: self._release(lease))
        except StoreError as error:
            LOG.error("%s", poll.sentence(error))
        except (CloudError, ConfigError) as error:
            LOG.warning("%s", poll.sentence(error))
            self._failed(poll, error)
        except Exception as error:
            LOG.exception("a defect of openstats in %s of %s", lease.kind, lease.cloud.name)
            self._failed(poll, OpenstatsError(f"a defect of openstats: {error!r}"))
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
            calls=self._calls,
            stopped=self.stopped.is_set,
            full=full,
            progress=self.progress,
            cursor=dict(lease.cursor),
            now=int(self.clock()),
        )

    def _succeeded(self, poll: Poll) -> None:
        now = self.clock()
        next_at = poll.next_at
        if next_at is None:
            interval = getattr(self.options, f"{poll.lease.kind}_interval")
            next_at = now + self.jitter(interval, self.options.jitter)
        with poll.writing() as db:
            jobs.succeed(
                db,
                poll.lease,
                now=poll.now,
                next_at=next_at,
                seconds=now - poll.now,
                cursor=poll.cursor,
                error=poll.missing,
            )
        if poll.missing:
            LOG.warning("%s", poll.sentence(poll.missing))
        LOG.info("%s of %s took %.1f s", poll.lease.kind, poll.lease.cloud.name, now - poll.now)

    def _failed(self, poll: Poll, error: OpenstatsError) -> None:
        now = self.clock()
        pause = max(self.options.retry_interval, getattr(error, "retry_after", 0))
        next_at = now + self.jitter(pause, self.options.jitter)
        try:
            with self.store.transaction() as db:
                jobs.fail(
                    db,
                    poll.lease,
                    now=int(now),
                    next_at=next_at,
                    seconds=now - poll.now,
                    error=str(error),
                )
        except StoreError as unwritten:
            LOG.error("the outcome of %s could not be written: %s", poll.lease.kind, unwritten)
