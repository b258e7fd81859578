"""A collector in this process, clouds that are doubles, an edge between them, and one clock.

Nothing of openstats is replaced: its connections are made from a clouds.yaml, and go through the
edge. Time stands still until a test moves it, for clouds and collector alike.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any, Self

import yaml
from sqlalchemy import text

from openstats import conf
from openstats.cli.assembly import connect, connections
from openstats.collector.collector import Collector
from openstats.collector.polls.kinds import POLLS
from openstats.collector.polls.poll import Progress, no_progress
from openstats.storage import jobs
from openstats.storage.store import Store
from tests.double import Double, Settings, Size, populate
from tests.double.state import Flavor
from tests.edge import Edge

SMALL = Flavor("m1.small", 1, 2048, 20)
LARGE = Flavor("m1.large", 4, 8192, 80, ephemeral=10, swap=1024)
SIZE = Size(projects=4, servers=10, volumes=6, hypervisors=2, snapshots=2)

INTERVALS = {"discovery": 3600, "capacity": 300, "instances": 300, "volumes": 300, "quotas": 300}
SOON = 500
"""Later than the overlap of two polls, and sooner than quotas grow old."""


class Clock:
    """Unix seconds that pass when told to; it begins today, as tokens expire by the real time."""

    def __init__(self) -> None:
        self.now = float(int(time.time()))
        self.stepped = 0.0

    def __call__(self) -> float:
        return self.now

    def uptime(self) -> float:
        """Return seconds that passed, whatever the clock was set to meanwhile."""
        return self.now - self.stepped

    def advance(self, seconds: float) -> None:
        self.now += seconds

    def step(self, seconds: float) -> None:
        """Set the clock forward or back."""
        self.stepped += seconds
        self.now += seconds


def settings(**changed: Any) -> Settings:
    """Settings of a double whose tokens outlive every test."""
    return Settings(**{"token_lifetime": 1e9} | changed)


class Lab:
    """Doubles and collectors on one store; ``directory`` is where the configuration is."""

    def __init__(self, directory: Path, store: Store, edge: Edge) -> None:
        self.directory = directory
        self.store = store
        self.edge = edge
        self.clock = Clock()
        self.clouds: dict[str, dict[str, Any]] = {}
        self._stack = ExitStack()
        self._usual: Collector | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # -- clouds

    def double(
        self,
        name: str = "alpha",
        size: Size | None = SIZE,
        *,
        identity: Double | None = None,
        openstats: dict[str, Any] | None = None,
        **changed: Any,
    ) -> Double:
        """Start a double, filled unless ``size`` is None, and write it into clouds.yaml.

        ``openstats`` is that key of its entry, ``changed`` are settings of the double.
        """
        new_double = Double(clock=self.clock, identity=identity, settings=settings(**changed))
        double = self._stack.enter_context(new_double)
        if size:
            populate(double, replace(size, label="" if name == "alpha" else name))
            # So that the next poll but one finds nothing that changed just now.
            self.clock.advance(SOON)
        entry = double.clouds_entry()
        self.clouds[name] = entry | ({"openstats": openstats} if openstats else {})
        return double

    def configure(self, name: str = "alpha", **openstats: Any) -> None:
        """Change the key ``openstats`` of an entry, for collectors that are made from now on."""
        self.clouds[name]["openstats"] = self.clouds[name].get("openstats", {}) | openstats
        self._usual = None

    # -- collectors

    def collector(
        self,
        *names: str,
        store: Store | None = None,
        jitter: Callable[[float, float], float] = lambda interval, _: interval,
        progress: Progress = no_progress,
        **options: Any,
    ) -> Collector:
        """Make and register a collector of its own.

        ``options`` are those of [collector], or ``group__name`` of another group.
        """
        (self.directory / "clouds.yaml").write_text(
            yaml.safe_dump({"clouds": self.clouds}, sort_keys=False)
        )
        empty = self.directory / "openstats.conf"
        empty.touch()
        options = {"usage__diagnostics_per_second": 10_000, "retry_wait": 0} | options
        overrides = {n if "__" in n else f"collector__{n}": v for n, v in options.items()}
        loaded = conf.load([str(empty)], **overrides)
        collector = Collector(
            store or self.store,
            connections(loaded, names),
            loaded,
            connect=partial(connect, loaded),
            clock=self.clock,
            uptime=self.clock.uptime,
            jitter=jitter,
            progress=progress,
        )
        self._stack.callback(collector.close)
        collector.register()
        return collector

    def use(self, **options: Any) -> Collector:
        """Have ``cycle`` use a collector with these options."""
        self._usual = self.collector(**options)
        return self._usual

    def cycle(self, *kinds: str, after: float = 0, full: bool = False) -> list[str]:
        """Move the clock, run one cycle, and give its errors; the edge's record is of it only."""
        usual = self._usual or self.use()
        self.clock.advance(after)
        self.edge.clear()
        return usual.cycle(kinds or tuple(POLLS), full=full)

    # -- what came of it

    def asked(self, pattern: str = "") -> int:
        """Count the requests since the last cycle began whose "METHOD URL" has the pattern."""
        return self.edge.count(lambda seen: bool(re.search(pattern, f"{seen.method} {seen.url}")))

    def outcome(self, kind: str, cloud: str = "alpha") -> jobs.JobOutcome:
        """Return how the last poll of a kind went."""
        with self.store.read() as db:
            outcomes = jobs.outcomes(db)
        return next(row for row in outcomes if (row.cloud, row.kind) == (cloud, kind))

    def job(self, kind: str, column: str, cloud: str = "alpha") -> Any:
        """Return a column of a job."""
        query = f"SELECT j.{column} FROM job j JOIN cloud c ON c.id = j.cloud_id"
        ((value,),) = self.sql(f"{query} WHERE c.name = '{cloud}' AND j.kind = '{kind}'")
        return value

    def idle(self) -> bool:
        """Whether every job has succeeded, and none is due or under way."""
        busy = f"next_at <= {self.clock.now} OR lease_token IS NOT NULL OR polled_at IS NULL"
        return self.sql(f"SELECT count(*) FROM job WHERE {busy}") == [(0,)]

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Look into the store, or change it, behind everybody's back."""
        with self.store.transaction() as db:
            done = db.execute(text(statement))
            return [tuple(row) for row in done] if done.returns_rows else []


@contextmanager
def running(collector: Collector) -> Iterator[Thread]:
    """Have a collector run until the block ends."""
    thread = Thread(target=collector.run)
    thread.start()
    try:
        yield thread
    finally:
        collector.stop()
        thread.join(20)
    assert not thread.is_alive()
