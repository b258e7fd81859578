"""openstats beside its peer Gnocchi: the same data in both, the same questions, in turn.

``python -m bench.peers [NAME...]`` measures what ``python -m bench`` does, and this as well.
Memory of 1,000 instances in 100 projects of 10 customers, every 5 minutes for 30 days: in Gnocchi
by instance, as of Ceilometer, and beside that as one metric a project that is its sum already. What
an instance has does not change, so that Gnocchi's files are as small as they can be.

Gnocchi is asked in each way that one who wants the answer would think of, and the fastest of them
counts. Both are asked over HTTP, with a connection for each request, and what they answer is
checked before it is timed, not parsed while it is. How Gnocchi runs does not live here.
"""

import http.client
import json
import math
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import select
from tqdm import tqdm

from bench.__main__ import MEASURES, main
from bench.fill import DAY, GRID, NOW, Size, fill, held, uuid
from bench.result import Result, median
from bench.serving import running
from openstats.storage import migration
from openstats.storage.schema import tables
from openstats.storage.store import Store
from tests.peers import Gnocchi, Instance

RUNS, TRIALS = 7, 3  # trials find the fastest way to ask Gnocchi
SIZE = Size(clouds=1, customers=10, projects=100, groups=10, instances=1_000)
EACH = SIZE.instances // SIZE.projects
BATCH = 20  # metrics, which are 10 MiB of JSON
METRIC = "memory"
MEAN = ["metric", METRIC, "mean"]
SUM = ["aggregate", "sum", MEAN]
END = NOW // 129_600 * 129_600
"""Gnocchi's resampling cuts at multiples of the piece: those of 12 h and of 7.2 h both end here."""
BEGIN = END - 30 * DAY

Figures = Iterator[tuple[str, int, float]]
"""Object, beginning, figure; those of the same object and beginning add up."""
Call = tuple[str, str, Any]


@dataclass(frozen=True)
class Question:
    """What is asked in pieces of so many seconds, of objects made of projects; bounds by peer."""

    name: str
    aggregate: str
    seconds: int
    piece: int
    objects: Mapping[str, Sequence[int]]
    bounds: Mapping[str, float]

    @property
    def owners(self) -> dict[str, str]:
        """Give the object that each project belongs to, by its id in Keystone."""
        return {uuid("project", n): name for name, some in self.objects.items() for n in some}


@dataclass(frozen=True)
class Way:
    """A way to ask: calls one after the other, and how an answer is read, by its call's place."""

    port: int
    calls: Sequence[Call]
    read: Callable[[int, Any], Figures]

    def bodies(self) -> list[bytes]:
        """Ask, and give what was answered."""
        return [_request(self.port, *call) for call in self.calls]

    def milliseconds(self) -> float:
        """Ask, and give how long it took."""
        began = time.perf_counter()
        self.bodies()
        return (time.perf_counter() - began) * 1000


@dataclass(frozen=True)
class Peer:
    """A Gnocchi: how many metrics it has, what they are, and in which ways it is asked."""

    name: str
    metrics: int
    metric: Callable[[int], Instance]
    ways: Sequence[Callable[[int, Question], Way]]

    def figure(self, question: Question) -> str:
        """Give the name of a figure."""
        return f"usage.vs_{self.name}.{question.name}"


_ALL = {f"project-{number:05}": (number,) for number in range(SIZE.projects)}
_SLOTS = {key: i + 1 for i, key in enumerate(sorted(uuid("project", n[0]) for n in _ALL.values()))}
_CUSTOMERS = {
    f"Customer {number:03}": range(number, SIZE.projects, SIZE.customers)
    for number in range(SIZE.customers)
}
_ONE = {"project-00000": (0,)}
_MANY, _FEW = {"gnocchi": 200, "gnocchi_sums": 50}, {"gnocchi": 20, "gnocchi_sums": 15}
QUESTIONS = (
    Question("projects_30d", "project", 30 * DAY, 43_200, _ALL, _MANY),
    Question("customers_1h", "customer", 3600, 600, _CUSTOMERS, _MANY),
    Question("project_30d", "project", 30 * DAY, 25_920, _ONE, _FEW),
)


def _request(port: int, method: str, path: str, body: Any = None) -> bytes:
    """Ask as both are asked. Gnocchi wants to know who asks, openstats lets anybody."""
    headers = {"Authorization": "Basic YWRtaW46", "Content-Type": "application/json"}
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=180)) as connection:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        data = answer.read()
    assert answer.status == 200, f"{path}: {answer.status} {data[:200]!r}"
    return data


def _rate(project: int) -> float:
    """Give the MiB that a project holds: slots were given in the order of Keystone's ids."""
    return float(held(SIZE.projects)[_SLOTS[uuid("project", project)]])


def _metric(resource: str, project: int, value: float) -> Instance:
    samples = [(at, value) for at in range(BEGIN, END, GRID)]
    return Instance(resource, uuid("project", project), {METRIC: samples})


def _of_instance(number: int) -> Instance:
    """Give an instance; those of a project differ, so that none can be missed unnoticed."""
    project, place = divmod(number, EACH)
    share = (place + 1) / sum(range(EACH + 1))
    return _metric(uuid("instance", number), project, _rate(project) * share)


def _of_project(number: int) -> Instance:
    return _metric(uuid("project", number), number, _rate(number))


def _openstats(port: int, question: Question, uuids: Mapping[str, str]) -> Way:
    words = {"item": "memory", "aggregate": question.aggregate, "to": END}
    words |= {"from": END - question.seconds, "datapoints": question.seconds // question.piece}
    if len(question.objects) == 1:
        words["uuid"] = uuids[next(iter(question.objects))]
    return Way(port, [("GET", f"/api/stats/usage/?{urlencode(words)}", None)], _datapoints)


def _datapoints(_: int, document: Any) -> Figures:
    for entry in document:
        for point in entry["datapoints"]:
            yield entry["name"], point["from"], point["value"]


def _grouped(port: int, question: Question) -> Way:
    """By one call, of sums by project; for customers these are added up."""

    def read(_: int, document: Any) -> Figures:
        for entry in document:
            name = question.owners[entry["group"]["project_id"]]
            yield from _points(name, entry["measures"]["measures"]["aggregated"])

    call = _aggregates(question, SUM, list(question.owners), groupby="project_id")
    return Way(port, [call], read)


def _separate(port: int, question: Question) -> Way:
    """By a call for each object, of its sum."""

    def read(place: int, document: Any) -> Figures:
        return _points(list(question.objects)[place], document["measures"]["aggregated"])

    groups = [[uuid("project", number) for number in some] for some in question.objects.values()]
    return Way(port, [_aggregates(question, SUM, group) for group in groups], read)


def _listed(port: int, question: Question) -> Way:
    """By one call, of metrics that are sums already: nothing is to be aggregated."""

    def read(_: int, document: Any) -> Figures:
        for resource, metrics in document["measures"].items():
            yield from _points(question.owners[resource], metrics[METRIC]["mean"])

    return Way(port, [_aggregates(question, MEAN, list(question.owners))], read)


def _measures(port: int, question: Question) -> Way:
    """By a call for each such metric, of its measures."""

    def read(place: int, document: Any) -> Figures:
        return _points(list(question.owners.values())[place], document)

    query = _query(question, resample=question.piece)
    paths = [f"/v1/resource/instance/{one}/metric/{METRIC}/measures" for one in question.owners]
    return Way(port, [("GET", f"{path}?{query}", None) for path in paths], read)


def _aggregates(question: Question, what: Any, projects: Sequence[str], **words: str) -> Call:
    search = {} if len(projects) == SIZE.projects else {"in": {"project_id": projects}}
    operations = ["resample", "mean", question.piece, what]
    body = {"resource_type": "instance", "search": search, "operations": operations}
    return "POST", f"/v1/aggregates?{_query(question, fill='null', **words)}", body


def _query(question: Question, **words: object) -> str:
    window = {"start": END - question.seconds, "stop": END, "granularity": GRID}
    return urlencode({**window, **words})


def _points(name: str, measures: Sequence[Any]) -> Figures:
    for label, _, value in measures:
        yield name, int(datetime.fromisoformat(label).timestamp()), value


PEERS = (
    Peer("gnocchi", SIZE.instances, _of_instance, (_grouped, _separate)),
    Peer("gnocchi_sums", SIZE.projects, _of_project, (_grouped, _separate, _listed, _measures)),
)


@contextmanager
def _fed(peer: Peer) -> Iterator[int]:
    """Run a Gnocchi that has everything, and give its port."""
    with (
        tempfile.TemporaryDirectory(prefix="openstats-bench-") as folder,
        Gnocchi(Path(folder)) as server,
    ):
        for first in tqdm(range(0, peer.metrics, BATCH), f"feeding {peer.name}"):
            server.feed(peer.metric(number) for number in range(first, first + BATCH))
        yield server.port


@contextmanager
def _serving() -> Iterator[Callable[[Question], Way]]:
    """Run an openstats that has everything, and give how it is asked a question."""
    with (
        tempfile.TemporaryDirectory(prefix="openstats-bench-") as folder,
        closing(Store(f"sqlite:///{folder}/bench.sqlite")) as store,
    ):
        migration.upgrade(store)
        fill(store, SIZE, range(BEGIN, END + 1, GRID))
        with store.read() as db:
            found = db.execute(select(tables.project.c.name, tables.project.c.uuid))
            uuids = {row.name: row.uuid for row in found}
        with running(sys.executable, "-m", "bench.server", str(store.url)) as (_, port):
            yield lambda question: _openstats(int(port), question, uuids)


def _check(question: Question, way: Way) -> Way:
    """Whatever the datapoint, an object holds what its projects hold."""
    figures: dict[tuple[str, int], float] = defaultdict(float)
    for place, body in enumerate(way.bodies()):
        for name, begin, value in way.read(place, json.loads(body)):
            figures[name, begin] += value
    wanted = {name: sum(map(_rate, some)) for name, some in question.objects.items()}
    begins = range(END - question.seconds, END, question.piece)
    assert figures.keys() == {(name, begin) for name in wanted for begin in begins}
    assert all(math.isclose(value, wanted[name]) for (name, _), value in figures.items())
    return way


def gnocchi(wanted: Callable[[str], bool]) -> Iterator[Result]:
    """Time Gnocchi's answers as multiples of openstats' own."""
    peers = [peer for peer in PEERS if any(wanted(peer.figure(one)) for one in QUESTIONS)]
    if not peers:
        return
    with ExitStack() as stack:
        ports = [stack.enter_context(_fed(peer)) for peer in peers]
        ask = stack.enter_context(_serving())
        for question in QUESTIONS:
            ours = _check(question, ask(question))
            for peer, port in zip(peers, ports, strict=True):
                if wanted(peer.figure(question)):
                    ways = [_check(question, way(port, question)) for way in peer.ways]
                    yield from _compared(question, peer, ways, ours)


def _compared(question: Question, peer: Peer, ways: Sequence[Way], ours: Way) -> Iterator[Result]:
    theirs = min(ways, key=lambda way: statistics.median(way.milliseconds() for _ in range(TRIALS)))
    pairs = [(theirs.milliseconds(), ours.milliseconds()) for _ in range(RUNS)]
    name, bound = peer.figure(question), question.bounds[peer.name]
    yield median(name, [slow / quick for slow, quick in pairs], "ratio", bound, "higher")
    for party, times in zip(("theirs", "ours"), zip(*pairs, strict=True), strict=True):
        yield median(f"{name}.{party}_ms", times, "ms", None, "lower")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], (*MEASURES, gnocchi)))
