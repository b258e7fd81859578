"""Ticks that die: a process that forks, for each line that it reads, a collector to be killed.

``python -m tests.collector.dying STORE DIRECTORY`` reads lines of a time and a number, and answers
each with ``killed`` or ``done``: at that statement of a tick the collector is ended by SIGKILL.
"""

import os
import signal
import sys
from itertools import count
from typing import Any

from sqlalchemy import event

from openstats import conf
from openstats.cli.clouds import connections
from openstats.collector.collector import Collector
from openstats.storage import jobs
from openstats.storage.store import Store


def tick(url: str, directory: str, now: float, number: int) -> None:
    """Run one tick, as far as the so-manieth statement from its own first one on."""
    store = Store(url)
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
    statements = count(1)

    def die(*_: Any) -> None:
        if next(statements) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(store.engine, "before_cursor_execute", die)
    collector._run(lease, collector.connections["alpha"], full=False)


def main(url: str, directory: str) -> None:
    """Fork for each line."""
    for line in sys.stdin:
        now, number = line.split()
        child = os.fork()
        if not child:
            tick(url, directory, float(now), int(number))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        print("killed" if killed else "done" if status == 0 else status, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
