"""Polling: how many calls a cycle costs a cloud, and how near its wall time is to the calls'.

The cloud is the double of the tests, whose answers are held against real clouds there; what
openstats sends is counted by the proxy between them.
"""

import json
import os
import re
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml

from bench.result import Result, median
from bench.serving import running
from openstats import conf
from openstats.cli.assembly import collector
from openstats.collector.collector import Collector
from openstats.storage import migration
from openstats.storage.store import Store
from tests.edge import Edge

HYPERVISORS = 20
TENANTS = 500
CHANGED = 25
THREADS = 8
LATENCY = 0.1
PAGE = re.compile(r"/(servers|volumes|snapshots)/detail\?(?!.*limit=1(&|$))|/v3/projects(\?|$)")
RUNS = 5
STEADY = ("capacity", "instances", "volumes", "quotas")
ONCE = ("discovery", *STEADY)
"""What is counted: of the jobs, not the usage, whose calls are as many as instances run."""
PROVIDERS = ("providers",)
"""Two calls for each that changed, beside those of tenants; where none did, they are counted."""


@contextmanager
def double(latency: float, tenants: int = TENANTS) -> Iterator[str]:
    """Run a double in a process of its own; yield its auth_url."""
    size = {"projects": tenants, "servers": tenants * 5, "volumes": tenants * 2}
    size |= {"hypervisors": HYPERVISORS, "customers": 50}
    words = [word for name, number in size.items() for word in (f"--{name}", str(number))]
    command = sys.executable, "-m", "tests.double", *words, "--latency", str(latency)
    with running(*command) as (_, auth_url):
        yield auth_url


@contextmanager
def edged() -> Iterator[tuple[Edge, str]]:
    """Run a double without latency behind a proxy that counts."""
    with double(0) as auth_url, Edge() as edge, patch.dict(os.environ, edge.environ()):
        yield edge, auth_url


def touch(auth_url: str, **changes: Any) -> None:
    """Change the double while it runs."""
    url = auth_url.split("/identity", maxsplit=1)[0] + "/double/touch"
    request = urllib.request.Request(url, json.dumps(changes).encode(), method="POST")
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).close()


@contextmanager
def collecting(auth_url: str, **options: Any) -> Iterator[Collector]:
    """Yield a collector with an empty store for the double."""
    with tempfile.TemporaryDirectory(prefix="openstats-bench-") as folder:
        auth = {"auth_url": auth_url, "username": "admin", "password": "double-secret"}
        auth |= {
            "project_name": "admin",
            "user_domain_id": "default",
            "project_domain_id": "default",
        }
        entry = {"auth": auth, "region_name": "RegionOne"}
        clouds = Path(folder) / "clouds.yaml"
        clouds.write_text(yaml.safe_dump({"clouds": {"double": entry}}))
        store = Store(f"sqlite:///{Path(folder) / 'bench.sqlite'}")
        migration.upgrade(store)
        with patch.dict(os.environ, {"OS_CLIENT_CONFIG_FILE": str(clouds)}):
            configuration = conf.load(collector__threads=THREADS, **options)
            polling = collector(configuration, store)
        yield polling
        polling.close()
        store.close()


def _counted(edge: Edge) -> tuple[int, int]:
    """Return how many calls passed, and how many of them were pages of lists; begin anew."""
    pages = edge.count(lambda seen: bool(PAGE.search(seen.url)))
    calls = len(edge.requests)
    edge.clear()
    return calls, pages


def calls(is_wanted: Callable[[str], bool]) -> Iterator[Result]:
    """Count the calls of a first, an idle and a changed cycle."""
    if not any(map(is_wanted, ("poll.first.calls_per_tenant", "poll.idle", "poll.changed"))):
        return
    with edged() as (edge, auth_url), collecting(auth_url) as polling:
        assert not polling.cycle(ONCE)
        first, pages = _counted(edge)
        per_tenant = (first - pages - 2 * HYPERVISORS - 10) / TENANTS
        yield median("poll.first.calls_per_tenant", [per_tenant], "calls", 2, "lower")
        assert not polling.cycle(PROVIDERS)
        edge.clear()
        assert not polling.cycle((*STEADY, *PROVIDERS))
        idle, pages = _counted(edge)
        yield median("poll.idle.calls", [idle - pages], "calls", 10, "lower")
        touch(auth_url, tenants=CHANGED, boot=1)
        assert not polling.cycle(STEADY)
        changed, _ = _counted(edge)
        yield median(
            "poll.changed.calls_per_change", [(changed - 10) / CHANGED], "calls", 2, "lower"
        )


def wall(is_wanted: Callable[[str], bool]) -> Iterator[Result]:
    """Time a first cycle against a double that takes 100 ms for each call."""
    if not is_wanted("poll.first.wall_ratio"):
        return
    with edged() as (edge, auth_url), collecting(auth_url) as polling:
        assert not polling.cycle(ONCE)
        sent, _ = _counted(edge)
    with double(LATENCY) as auth_url:
        ratios = []
        for _ in range(RUNS):
            with collecting(auth_url) as polling:
                began = time.perf_counter()
                assert not polling.cycle(ONCE)
                ratios.append((time.perf_counter() - began) / (sent * LATENCY / THREADS))
        yield median("poll.first.wall_ratio", ratios, "ratio", 1.3, "lower")
