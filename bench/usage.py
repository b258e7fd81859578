"""Usage: queries over a year of readings of 1,000 projects, on both kinds of stores; one tick."""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from sqlalchemy import select

from bench.fill import DAY, END, GRID, METER, NOW, Size, fill, held, uuid
from bench.floor import Floor
from bench.load import Client
from bench.result import Result, median, ratio
from bench.serving import running
from openstats.meters import USAGE_METERS
from openstats.model import EVERYTHING, Selection
from openstats.readings import Delta, Members
from openstats.statistics import odometer
from openstats.statistics import usage as statistic
from openstats.storage import migration
from openstats.storage.inventory import allocation, volumes
from openstats.storage.registry import clouds as cloud_rows
from openstats.storage.schema import tables
from openstats.storage.store import Store
from openstats.storage.usage import members
from openstats.storage.usage import readings as reading_rows
from tests import postgresql

RUNS = 15
ONE = Size(clouds=1)
ALLOCATED = [f"{name}.allocated" for name in ("vcpu_hours", "memory", "storage")]
COUNTERS = 500
"""How many counters the cursor of the source nova holds at most."""

QUERIES: dict[str, tuple[Callable[[Store], Selection], int, int]] = {
    # What, over how many seconds, and in how many pieces.
    "projects_30d": (lambda _: Selection("project"), 30 * DAY, 60),
    "project_30d": (lambda store: Selection("project", (_project(store),)), 30 * DAY, 100),
    "customers_1h": (lambda _: Selection("customer"), 3600, 6),
    "customers_1y": (lambda _: Selection("customer"), 365 * DAY, 12),
}


def _project(store: Store) -> str:
    with store.read() as db:
        return str(db.scalar(select(tables.project.c.uuid).order_by(tables.project.c.name)))


def _times() -> list[int]:
    """Return the times of readings: 30 days at 5 minutes, and hourly before, for a year."""
    hourly = range(END // 3600 * 3600 - 365 * DAY, END - 30 * DAY, 3600)
    return [*hourly, *range(END - 30 * DAY, END + 1, GRID)]


@contextmanager
def stores() -> Iterator[tuple[Store, Store]]:
    """Yield a filled SQLite store and a PostgreSQL store with the same in it."""
    with tempfile.TemporaryDirectory(prefix="openstats-bench-") as folder:
        directory = Path(folder) / "postgresql"
        directory.mkdir()
        with postgresql.running(directory) as server:
            server.execute("CREATE DATABASE bench")
            embedded = Store(f"sqlite:///{folder}/bench.sqlite")
            remote = Store(server.url("bench"))
            with closing(embedded), closing(remote):
                for store in (embedded, remote):
                    migration.upgrade(store)
                    fill(store, ONE, _times())
                yield embedded, remote


def _edges(seconds: int, pieces: int) -> list[int]:
    return [END - seconds + i * seconds // pieces for i in range(pieces + 1)]


def _ask(store: Store, edges: list[int], selected: Members) -> Any:
    clouds, slots = set(selected.clouds.tolist()), set(selected.slots.tolist())
    moments = statistic.cuts(edges, selected)
    with store.read() as db:
        readings = reading_rows.around(db, clouds, METER.name, moments, slots)
    return statistic.values(METER, edges, selected, readings)


def _check(selected: Members, figures: Any) -> None:
    """Whatever the interval, an object holds what its tenants hold."""
    rates = held(ONE.projects)
    expected = np.zeros(len(selected.objects))
    np.add.at(expected, selected.owners, rates[selected.slots])
    assert np.allclose(figures, expected), "a wrong answer"


def _milliseconds(ask: Callable[[], Any]) -> float:
    began = time.perf_counter()
    ask()
    return (time.perf_counter() - began) * 1000


def _forgotten(path: str) -> None:
    """Have the kernel forget what it keeps of a file in memory."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def queries(is_wanted: Callable[[str], bool]) -> Iterator[Result]:
    """Time queries in process, without reading the registry; PostgreSQL as a ratio."""
    if not any(map(is_wanted, ("usage.query", "usage.membership", "usage.http.json_ratio"))):
        return
    with stores() as (embedded, remote), closing(Floor(str(embedded.url.database))) as floor:
        for name in QUERIES:
            yield from _query(name, embedded, remote, floor)
        yield from _membership(embedded, floor)
        yield _http(embedded)


def _query(name: str, embedded: Store, remote: Store, floor: Floor) -> Iterator[Result]:
    selection, seconds, pieces = QUERIES[name]
    edges, selected = _edges(seconds, pieces), []
    for store in (embedded, remote):
        with store.read() as db:
            selected.append(members.read(db, EVERYTHING, selection(store)))
        _check(selected[-1], _ask(store, edges, selected[-1])[0])
    slots, owners = selected[0].slots, selected[0].owners
    asks = [
        lambda: _ask(embedded, edges, selected[0]),
        lambda: _ask(remote, edges, selected[1]),
        lambda: floor.usage(METER.name, edges, slots, owners),
    ]
    assert np.allclose(asks[0]()[0], asks[2]()), "the floor gives other figures"
    ours, theirs, bare = zip(
        *([_milliseconds(ask) for ask in asks] for _ in range(RUNS)), strict=True
    )
    yield ratio(f"usage.query.{name}.floor_ratio", ours, bare, 4)
    yield ratio(f"usage.query.{name}.pg_ratio", theirs, ours, 10)
    yield median(f"usage.query.{name}_ms", ours, "ms", None, "lower")
    yield _cold(name, embedded, edges, selected[0])


def _cold(name: str, store: Store, edges: list[int], selected: Members) -> Result:
    times = []
    for _ in range(3):
        store.close()
        _forgotten(str(store.url.database))
        times.append(_milliseconds(lambda: _ask(store, edges, selected)))
    return median(f"usage.query.{name}_cold_ms", times, "ms", None, "lower")


def _membership(store: Store, floor: Floor) -> Iterator[Result]:
    def ask() -> Members:
        with store.read() as db:
            return members.read(db, EVERYTHING, Selection("customer"))

    assert np.array_equal(ask().owners, floor.members()[1]), "the floor has other members"
    ours, bare = zip(
        *((_milliseconds(ask), _milliseconds(floor.members)) for _ in range(RUNS)), strict=True
    )
    yield ratio("usage.membership.floor_ratio", ours, bare, 5)
    yield median("usage.membership_ms", ours, "ms", None, "lower")


def _http(store: Store) -> Result:
    """Compare a whole answer of 60,000 datapoints with what turning it into JSON alone takes."""
    path = f"/api/stats/usage/?item=memory&aggregate=project&datapoints=60&from={END - 30 * DAY}"
    path += f"&to={END}"
    with running(sys.executable, "-m", "bench.server", str(store.url)) as (_, port):
        client = Client(int(port))
        document = json.loads(client.get(path)[1])
        assert sum(len(entry["datapoints"]) for entry in document) == 60_000
        ratios = []
        for _ in range(RUNS):
            ours = _milliseconds(lambda: client.get(path))
            ratios.append(ours / _milliseconds(lambda: orjson.dumps(document)))
    return median("usage.http.json_ratio", ratios, "ratio", 8, "lower")


def tick(is_wanted: Callable[[str], bool]) -> Iterator[Result]:
    """Time what a tick of 10,000 instances does to the store, the cursor included."""
    if not is_wanted("usage.tick"):
        return
    with tempfile.TemporaryDirectory(prefix="openstats-bench-") as folder:
        path = f"{folder}/bench.sqlite"
        store = Store(f"sqlite:///{path}")
        with closing(store):
            migration.upgrade(store)
            fill(store, ONE, ())
            # The newest server is a little younger than END.
            _tick(store, END + GRID)
            with closing(Floor(path)) as floor:
                ours, bare = zip(*(_both(store, floor, at) for at in _ticks()), strict=True)
            with store.read() as db:
                (cloud,) = cloud_rows.clouds(db)
                last = reading_rows.last(db, cloud, METER.name)
            assert last
            assert last.totals.sum() == ONE.instances * 4096 * GRID * 2 * RUNS
    yield ratio("usage.tick.floor_ratio", ours, bare, 4)
    yield median("usage.tick_ms", ours, "ms", None, "lower")


def _both(store: Store, floor: Floor, at: int) -> tuple[float, float]:
    """Time a tick of ours, then one of the floor's, a grid later."""
    ours = _milliseconds(lambda: _tick(store, at))
    cursor = json.dumps(_counters(at))
    return ours, _milliseconds(lambda: floor.tick(ALLOCATED, at + GRID, GRID, cursor))


def _counters(at: int) -> dict[str, list[float]]:
    return {uuid("instance", number): [at + number / 7, float(at)] for number in range(COUNTERS)}


def _ticks() -> list[int]:
    return [END + GRID * (2 * number + 2) for number in range(RUNS)]


def _tick(store: Store, at: int) -> None:
    with store.transaction() as db:
        (cloud,) = cloud_rows.clouds(db)
        servers = allocation.between(db, cloud, at - GRID, at)
        disks = volumes.gigabytes(db, cloud)
        slots = reading_rows.slots(db, cloud, servers.keys() | disks, NOW)
        for index, name in enumerate(ALLOCATED):
            gains = {
                slots[key]: (float(amount[index]), float(GRID)) for key, amount in servers.items()
            }
            last = reading_rows.last(db, cloud, name)
            reading = odometer.first_reading(at)
            if last:
                reading = odometer.advance(last, Delta(at, GRID, gains), USAGE_METERS[name])
            reading_rows.append(db, cloud, name, reading)
        reading_rows.write_cursor(db, cloud, "nova", _counters(at))
