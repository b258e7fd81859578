"""Ticks that die: a process that forks, for each line that it reads, a collector to be killed.

``python -m tests.collector.dying STORE DIRECTORY`` reads lines of a time and a number, and answers
each with ``killed`` or ``done``: at that statement of a tick the collector is ended by SIGKILL.
"""

import sys
from functools import partial

from openstats import conf
from openstats.cli.assembly import connections
from openstats.collector.collector import Collector
from openstats.collector.workers import Workers
from openstats.storage import jobs
from openstats.storage.store import Store
from tests.dying import die_at, forking


def tick(url: str, directory: str, time: str, number: str) -> None:
    """Run one tick, as far as the so-manieth statement from its own first one on."""
    store, now = Store(url), float(time)
    file = f"{directory}/openstats.conf"
    loaded = conf.load([file], usage__diagnostics_per_second=10_000)
    collector = Collector(
        store,
        connections(loaded, ()),
        loaded,
        connect=lambda _name: None,
        clock=lambda: now,
        uptime=lambda: now,
        jitter=lambda interval, _: interval,
    )
    collector.register()
    with store.transaction() as db:
        jobs.make_due(db, [1], ["usage"], now)
        (lease,) = jobs.lease(db, ["alpha"], ["usage"], now=now, until=now + 60, limit=1)
    die_at(store.engine, int(number))
    collector.runner.run(lease, Workers(4, "call"), full=False)


if __name__ == "__main__":
    forking(partial(tick, *sys.argv[1:]))
