"""Alerts: counting them among a million of a year, and taking in a thousand more at once."""

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from pyramid.request import Request
from sqlalchemy import insert, select

from bench.fill import DAY, NOW, PIECE, Size, fill, uuid
from bench.floor import Floor
from bench.result import Result, median, ratio
from openstats import conf, tokens
from openstats.model import EVERYTHING
from openstats.storage import migration
from openstats.storage.alerts.counts import count
from openstats.storage.alerts.rows import time_columns
from openstats.storage.schema import tables
from openstats.storage.schema.alerts import alert, alert_episode, alert_group
from openstats.storage.schema.types import FOREVER
from openstats.storage.store import Store
from openstats.wsgi.app import make_app

RUNS = 15
STORED, FEW, BATCH = 1_000_000, 10_000, 1_000
YEAR = 365 * DAY
SHORT, LONG = 1800, 2 * DAY
"""Most alerts are over soon, one in twenty lasts: means, in seconds."""

STILL_OPEN = 2000
"""Every so many-th is never closed."""

TOKEN = "bench"
CONFIGURATION = f"""[alerts]
receivers = bench
[receiver:bench]
token_hash = {tokens.hash_token(TOKEN)}
"""


def fill_alerts(store: Store, stored: int) -> None:
    """Write alerts of a year, spread over all tenants, each with its episode and its group."""
    random = np.random.default_rng(1)
    created = np.sort(random.integers(NOW - YEAR, NOW, stored))
    mean = np.where(random.random(stored) < 0.05, LONG, SHORT)
    until = np.minimum(created + 1 + random.exponential(mean).astype(np.int64), NOW)
    until[::STILL_OPEN] = FOREVER
    with store.read() as db:
        places = db.execute(_places()).all()
    for first in range(0, stored, PIECE * 10):
        numbers = range(first, min(first + PIECE * 10, stored))
        rows = [(n, int(created[n]), int(until[n]), places[n % len(places)]) for n in numbers]
        with store.transaction() as db:
            db.execute(insert(alert), [_alert(*row) for row in rows])
            db.execute(insert(alert_episode), [_episode(*row) for row in rows])
            db.execute(insert(alert_group), [_group(*row) for row in rows])


def _places() -> Any:
    tenant, project, member = tables.tenant, tables.project, tables.project_group_member
    joined = tenant.join(project, project.c.id == tenant.c.project_id)
    joined = joined.join(member, member.c.project_id == project.c.id)
    columns = tenant.c.id, tenant.c.cloud_id, project.c.id.label("project_id")
    return select(*columns, project.c.customer_id, member.c.project_group_id).select_from(joined)


def _alert(number: int, created_at: int, until: int, place: Any) -> dict[str, Any]:
    return {
        "id": number + 1,
        "uuid": uuid("alert", number),
        "source": "bench",
        "fingerprint": f"{number:016x}",
        "severity": number % 4,
        "alert_type": "InstanceDown",
        "message": f"server-{number} does not answer",
        "kind": "tenant",
        "tenant_id": place.id,
        "cloud_id": place.cloud_id,
        "project_id": place.project_id,
        "customer_id": place.customer_id,
        "reported_at": min(until, NOW),
        **time_columns(created_at, until),
    }


def _episode(number: int, created_at: int, until: int, _place: Any) -> dict[str, Any]:
    ended = {"ended_at": None if until == FOREVER else until, "reported_at": None}
    key = {"source": "bench", "fingerprint": f"{number:016x}", "start": str(created_at)}
    return {**key, "alert_id": number + 1, "started_at": created_at, **ended}


def _group(number: int, _created_at: int, _until: int, place: Any) -> dict[str, Any]:
    return {"alert_id": number + 1, "project_group_id": place.project_group_id}


@contextmanager
def _filled(stored: int) -> Iterator[tuple[Store, Any]]:
    """Give a store with a year of alerts, and the application on it."""
    with tempfile.TemporaryDirectory(prefix="openstats-bench-") as folder:
        file = Path(folder) / "openstats.conf"
        file.write_text(CONFIGURATION)
        with closing(Store(f"sqlite:///{folder}/bench.sqlite")) as store:
            migration.upgrade(store)
            fill(store, Size(clouds=1))
            fill_alerts(store, stored)
            yield store, make_app(conf.load([str(file)]), store, lambda: NOW)


def measure(wanted: Callable[[str], bool]) -> Iterator[Result]:
    """Time the default window, the slowest of the year's days, and a batch, in process."""
    if not any(map(wanted, ("alert.day", "alert.any_day", "alert.batch"))):
        return
    with _filled(STORED) as (store, app), _filled(FEW) as (small, _):
        yield from _growth("alert.day", (NOW - DAY,), store, small)
        days = [NOW - YEAR + DAY * number for number in range(0, 365, 14)]
        yield from _growth("alert.any_day", days, store, small)
        with closing(Floor(str(store.url.database))) as floor:
            ours, bare = zip(*(_both(app, floor, number) for number in range(RUNS)), strict=True)
        yield ratio("alert.batch.floor_ratio", ours, bare, 6)
        yield median("alert.batch_ms", ours, "ms", None, "lower")


def _growth(name: str, days: Iterable[int], store: Store, small: Store) -> Iterator[Result]:
    """Compare the slowest of some days among many alerts with that among a hundredth of them."""
    many, few = zip(
        *(
            [max(_count(each, start, stored) for start in days) for each, stored in pair]
            for pair in [((store, STORED), (small, FEW))] * RUNS
        ),
        strict=True,
    )
    yield ratio(f"{name}.growth", many, few, 2)
    yield median(f"{name}_ms", many, "ms", None, "lower")


def _both(app: Any, floor: Floor, number: int) -> tuple[float, float]:
    """Time a batch, and the bare writing of the rows that it left."""
    ours = _batch(app, number)
    rows = floor.taken_out("bench", f"new-{number}-")
    assert len(rows["alert"]) == len(rows["alert_episode"]) == BATCH, "a wrong number of rows"
    began = time.perf_counter()
    floor.put_back(rows)
    return ours, (time.perf_counter() - began) * 1000


def _count(store: Store, start: int, stored: int) -> float:
    began = time.perf_counter()
    with store.read() as db:
        found = count(db, EVERYTHING, None, (start, start + DAY))
    spent = (time.perf_counter() - began) * 1000
    assert min(found.values()) > stored / 365 / 10, f"a wrong answer: {found}"
    return spent


def _batch(app: Any, number: int) -> float:
    """Send alerts that fire for the first time, each of a tenant that there is."""
    sent = {"version": "4", "alerts": [_sent(number, n) for n in range(BATCH)]}
    request = Request.blank("/api/alerts/receivers/bench/", base_url="http://localhost")
    request.method, request.content_type = "POST", "application/json"
    request.body = orjson.dumps(sent)
    request.headers["Authorization"] = f"Bearer {TOKEN}"
    began = time.perf_counter()
    response = request.get_response(app)
    spent = (time.perf_counter() - began) * 1000
    assert response.status_int == 204, response.body
    return spent


def _sent(batch: int, number: int) -> dict[str, Any]:
    return {
        "status": "firing",
        "fingerprint": f"new-{batch}-{number}",
        "startsAt": datetime.fromtimestamp(NOW - 60, UTC).isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
        "labels": {
            "alertname": "InstanceDown",
            "severity": "critical",
            "project_id": uuid("project", number % Size().projects),
            "instance": f"10.0.{number % 256}.1:9100",
        },
        "annotations": {"summary": "the server does not answer"},
        "generatorURL": "http://prometheus.example.org/graph",
    }
