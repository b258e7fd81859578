"""Serving: each statistic against the unit, in turn, on one server; how much memory; how soon."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from bench.alerts import fill_alerts
from bench.fill import DAY, END, NOW, Size, auth_url, fill, held
from bench.load import Client, Measured, load
from bench.result import Result, median
from openstats.severities import SEVERITIES
from openstats.storage import migration
from openstats.storage.schema import tables as schema
from openstats.storage.schema.alerts import alert
from openstats.storage.store import Store

RUNS = 7
ALERTS = 100_000


@dataclass(frozen=True)
class Row:
    """What is asked, how its answers are checked, and the share of the unit that it must reach."""

    name: str
    paths: Callable[[Store], list[str]]
    check: Callable[[Any], bool]
    bound: float


def _uuids(store: Store, table: Any) -> list[str]:
    with store.read() as db:
        return list(db.scalars(select(table.c.uuid).order_by(table.c.uuid)))


def _quotas(store: Store) -> list[str]:
    tables = {
        "customer": schema.customer,
        "project": schema.project,
        "project_group": schema.project_group,
    }
    return [
        f"/api/stats/quota/?aggregate={name}&uuid={uuid}"
        for name, table in tables.items()
        for uuid in _uuids(store, table)[:100]
    ]


def _windows(_store: Store) -> list[str]:
    return [
        f"/api/stats/creation-time/?type={kind}"
        f"&from={NOW - DAY * days}&to={NOW - DAY * (days - 30)}"
        for kind in ("customer", "project", "project_group")
        for days in range(30, 365, 5)
    ]


def _usages(store: Store) -> list[str]:
    uuids = _uuids(store, schema.project)[:100]
    return [
        f"/api/stats/usage/?item=memory&aggregate=project&uuid={uuid}&from={END - DAY}"
        f"&to={END - 600 * number}"
        for number, uuid in enumerate(uuids)
    ]


def _alerts(store: Store) -> list[str]:
    """Give objects and days such that on each day there was an alert of the object."""
    owners = {"customer": schema.customer, "project": schema.project}
    paths = []
    for name, table in owners.items():
        joined = select(table.c.uuid, alert.c.created_at)
        joined = joined.join(alert, alert.c[f"{name}_id"] == table.c.id)
        with store.read() as db:
            rows = db.execute(joined.where(alert.c.id % (ALERTS // 100) == 0)).all()
        for uuid, at in rows:
            period = f"from={at + 1 - DAY}&to={at + 1}"
            paths.append(f"/api/stats/alert/?aggregate={name}&uuid={uuid}&{period}")
    return paths


def _clouds(_store: Store) -> list[str]:
    return [f"/api/stats/resource/?auth_url={auth_url(number)}" for number in range(Size().clouds)]


def _first(found: Any) -> float:
    """Give the value of the first interval, which is that of all: what is held does not change."""
    value = float(found[0]["datapoints"][0]["value"])
    assert value in held(7)[1:]
    return value


ROWS = (
    Row("resource", _clouds, lambda found: found["vcpus"] == 6400 and found["vcpu_quota"] > 0, 0.6),
    Row("creation-time", _windows, lambda found: len(found) == 6, 0.6),
    Row("quota", _quotas, lambda found: found["vcpu"] > 0, 0.6),
    Row(
        "usage",
        _usages,
        lambda found: [p["value"] for p in found[0]["datapoints"]] == [_first(found)] * 6,
        0.4,
    ),
    Row("alert", _alerts, lambda found: set(found) == set(SEVERITIES) and any(found.values()), 0.6),
    Row(
        "quota_all",
        lambda _: ["/api/stats/quota/?each=true"],
        lambda found: len(found) == 100 and all(entry["vcpu"] > 0 for entry in found),
        0.25,
    ),
    Row(
        "customer",
        lambda _: ["/api/stats/customer/"],
        lambda found: sum(entry["instances"] for entry in found) == Size().instances,
        0.25,
    ),
)


@contextmanager
def filled() -> Iterator[Store]:
    """Give a filled store, on disk, for as long as it is looked at."""
    with tempfile.TemporaryDirectory(prefix="openstats-bench-") as folder:
        store = Store(f"sqlite:///{Path(folder) / 'bench.sqlite'}")
        migration.upgrade(store)
        fill(store)
        fill_alerts(store, ALERTS)
        yield store
        store.close()


@contextmanager
def running(*command: str, **environ: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a command until the block ends, and give it with the first line that it prints."""
    env = os.environ | environ | {"PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.terminate()


def _against_unit(port: int, row: Row, store: Store, units: list[str]) -> tuple[Measured, Measured]:
    def check(body: bytes) -> None:
        assert row.check(json.loads(body)), f"{row.name}: a wrong answer: {body[:200]!r}"

    # Checked once for each path; under load only that it is whole, so that checks cost no time.
    client, paths = Client(port), row.paths(store)
    for path in paths:
        check(client.get(path)[1])
    return load(port, paths, lambda body: None), load(port, units, lambda body: None)


def throughput(wanted: Callable[[str], bool]) -> Iterator[Result]:
    """Measure requests a second and the 99th percentile of each row, as shares of the unit's."""
    rows = [row for row in ROWS if wanted(row.name)]
    with (
        filled() as store,
        running(sys.executable, "-m", "bench.server", str(store.url)) as (_, port),
    ):
        units = [f"/unit/{uuid}" for uuid in _uuids(store, schema.project)]
        load(int(port), units, lambda body: None)
        for row in rows:
            pairs = [_against_unit(int(port), row, store, units) for _ in range(RUNS)]
            ratios = [ours.throughput / unit.throughput for ours, unit in pairs]
            slower = [ours.p99 / unit.p99 for ours, unit in pairs]
            yield median(f"{row.name}.throughput_ratio", ratios, "ratio", row.bound, "higher")
            yield median(f"{row.name}.p99_ratio", slower, "ratio", 4, "lower")
