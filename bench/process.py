"""Processes: how soon the commands answer, and how much memory the service takes."""

import json
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from bench.load import Client, load
from bench.polling import double
from bench.result import Result, median
from bench.serving import ROWS, filled, running
from openstats.storage import migration
from openstats.storage.store import Store

OPENSTATS = (sys.executable, "-m", "openstats.cli.main")
RUNS = 5


def help_seconds(wanted: Callable[[str], bool]) -> Iterator[Result]:
    """Time ``openstats --help``, with warm file caches."""
    if wanted("cli.help_seconds"):
        times = [_timed(*OPENSTATS, "--help") for _ in range(RUNS + 1)][1:]
        yield median("cli.help_seconds", times, "s", 0.5, "lower")


def _timed(*command: str) -> float:
    began = time.perf_counter()
    with running(*command) as (process, _):
        process.communicate()
        assert process.returncode == 0
    return time.perf_counter() - began


def _configured(folder: str, store: Store, *, collect: bool) -> tuple[str, ...]:
    path = Path(folder) / "openstats.conf"
    path.write_text(
        f"[database]\nconnection = {store.url}\n[api]\nport = 0\ncollect = {collect}\n"
        "[DEFAULT]\ndefault_log_levels = openstats=ERROR\n"
    )
    # What is said on standard error is read as if it were printed.
    return ("sh", "-c", f"exec {' '.join(OPENSTATS)} --config-file {path} serve 2>&1")


def _port(said: str) -> int:
    found = re.search(r":(\d+)/", said)
    assert found, said
    return int(found[1])


def serving(wanted: Callable[[str], bool]) -> Iterator[Result]:
    """Time ``openstats serve`` to its first answer; weigh it after many."""
    if not (wanted("serve.first_answer_seconds") or wanted("serve.rss_mib")):
        return
    with filled() as store, tempfile.TemporaryDirectory() as folder:
        command = _configured(folder, store, collect=False)
        times, weights = [], []
        for _ in range(RUNS):
            began = time.perf_counter()
            with running(*command) as (process, said):
                assert Client(_port(said)).get("/api/stats/quota/")[0] == 200
                times.append(time.perf_counter() - began)
                for row in ROWS:
                    load(_port(said), row.paths(store), lambda body: None, 0.5)
                weights.append(_peak_mib(process.pid))
    yield median("serve.first_answer_seconds", times, "s", 2, "lower")
    yield median("serve.rss_mib", weights, "MiB", 150, "lower")


def embedded(wanted: Callable[[str], bool]) -> Iterator[Result]:
    """Weigh API and collector in one process, after a full sweep of 10,000 instances."""
    if not wanted("serve.rss_embedded_mib"):
        return
    with double(0, tenants=2000) as auth_url, tempfile.TemporaryDirectory() as folder:
        auth = {"auth_url": auth_url, "username": "admin", "password": "double-secret"}
        auth |= {
            "project_name": "admin",
            "user_domain_id": "default",
            "project_domain_id": "default",
        }
        clouds = Path(folder) / "clouds.yaml"
        clouds.write_text(
            yaml.safe_dump({"clouds": {"double": {"auth": auth, "region_name": "RegionOne"}}})
        )
        store = Store(f"sqlite:///{Path(folder) / 'bench.sqlite'}")
        migration.upgrade(store)
        command = _configured(folder, store, collect=True)
        with running(*command, OS_CLIENT_CONFIG_FILE=str(clouds)) as (process, said):
            assert "is ready" in said
            status, body = Client(_port(said)).get("/api/stats/customer/")
            assert (status, sum(int(c) for c in _instances(body))) == (200, 10_000)
            weight = _peak_mib(process.pid)
        store.close()
    yield median("serve.rss_embedded_mib", [weight], "MiB", 220, "lower")


def _instances(body: bytes) -> Iterator[int]:
    return (entry["instances"] for entry in json.loads(body))


def _peak_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024
