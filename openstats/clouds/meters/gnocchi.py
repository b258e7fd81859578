"""Meter source ``gnocchi``: sums by project of what Ceilometer keeps there, by aggregates calls.

What Gnocchi answers, and how it cuts time, was observed: tests/peers/gnocchi.py says how.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any

from keystoneauth1.exceptions import BadRequest, NotFound

from openstats.clouds.connection import Connection
from openstats.clouds.errors import translated
from openstats.clouds.figures import measured
from openstats.clouds.meters import GRID, Asked, Window, http
from openstats.clouds.meters.accumulation import Series, Sums, summed
from openstats.clouds.meters.batches import Reader, Span, windows
from openstats.clouds.meters.options import MIB, Summing, chosen, made

SERVICE = "metric"
NANO = 1e-9
UNKNOWN = re.compile(r"Metric .*does not exist|Resource type does not exist|Metrics not found")
"""What Gnocchi says of metrics and resource types that it does not know, with 404 or 400."""

JSON = {"Accept": "application/json"}
"""Otherwise Gnocchi's errors are HTML."""

ENDED = 3600
"""For so many seconds after its end an instance may still have samples."""

Operation = list[Any]
Post = Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class Options(Summing):
    """What is told of a Gnocchi.

    Attributes:
        url: its endpoint; empty: that of the cloud's catalog.
        auth: ``keystone``, or ``basic`` for its mode of that name.
        user: the name in mode basic.
        password: likewise; Gnocchi itself does not look at it.
        interval: seconds between two samples of CPU time.
        storage_type: the type of resources that have the storage metric.
    """

    url: str = ""
    auth: str = "keystone"
    user: str = "admin"
    password: str = field(default="", repr=False)
    cacert: str = ""
    insecure: bool = False
    interval: int = 300
    cpu: str = "cpu"
    vcpus: str = "vcpus"
    memory: str = "memory.usage"
    storage: str = "disk.device.usage"
    storage_type: str = "instance_disk"

    def __post_init__(self) -> None:
        super().__post_init__()
        chosen("auth", self.auth, {"keystone": 0, "basic": 0})
        if self.auth == "basic" and not self.url:
            raise ValueError("auth = basic takes a url as well")
        if self.interval < 1:
            raise ValueError(f"interval takes seconds, not {self.interval}")


def read(asked: Asked) -> Iterator[Window]:
    """Read the sums of all granules that are complete and were not read yet.

    Raises:
        ConfigError: an option is wrong.
        CloudError: Gnocchi did not answer as expected.
    """
    options = made(Options, "gnocchi", asked.settings)
    with ExitStack() as stack:
        post = _posting(asked.connection, options, stack)
        source = Gnocchi(asked.connection.cloud.name, options, post)
        yield from windows(asked, options, source.readers())


def _posting(connection: Connection, options: Options, stack: ExitStack) -> Post:
    """Give what posts to Gnocchi: paths below its endpoint."""
    if options.auth == "basic":
        opened = http.session(connection, cacert=options.cacert, insecure=options.insecure)
        return partial(
            stack.enter_context(opened).post,
            endpoint_override=options.url,
            requests_auth=(options.user, options.password),
        )
    where = {
        "service_type": SERVICE,
        "region_name": connection.cloud.region or None,
        "interface": connection.entry.region.get_interface(SERVICE),
    }
    with translated(connection.cloud.name, "signing in"):
        session = connection.session
    return partial(
        session.post,
        endpoint_filter=where,
        endpoint_override=options.url or None,
    )


@dataclass(frozen=True)
class Gnocchi:
    """One Gnocchi, as it is asked by a read."""

    cloud: str
    options: Options
    post: Post

    def readers(self) -> dict[str, Reader]:
        """Give what reads each meter that is wanted."""
        options, factor = self.options, MIB[self.options.storage_unit] * GRID
        memory = partial(self._gauge, "instance", options.memory, GRID)
        storage = partial(self._gauge, options.storage_type, options.storage, factor)
        wanted: dict[str, tuple[str, Reader]] = {
            "cpu.used": (options.cpu, self._cpu),
            "memory.used": (options.memory, memory),
            "storage.used": (options.storage, storage),
        }
        return {name: reader for name, (metric, reader) in wanted.items() if metric}

    def _gauge(self, kind: str, metric: str, factor: float, span: Span) -> Sums | None:
        mean = ["metric", metric, "mean"]
        totals = self._sums(kind, ["aggregate", "sum", mean], span, factor)
        if not totals:
            return None
        # A bare count has no JSON; multiplied, it has.
        count = ["*", 1, ["aggregate", "count", mean]]
        return Sums(totals, (span.recent and self._sums(kind, count, span)) or {})

    def _cpu(self, span: Span) -> Sums | None:
        """Read CPU time: its rates are in ns an interval, negative when a counter began again."""
        rate = ["metric", self.options.cpu, "rate:mean"]
        burnt = ["aggregate", "sum", ["clip_min", rate, 0]]
        totals = self._sums("instance", burnt, span, NANO * GRID / self.options.interval)
        if not totals:
            return None
        # Those that began again do not count, or their zero would be taken for the truth.
        count = ["*", 1, ["aggregate", "sum", [">=", rate, 0]]]
        reported = self._sums("instance", count, span)
        vcpus = ["aggregate", "sum", ["metric", self.options.vcpus, "mean"]]
        weights = self._sums("instance", vcpus, span, GRID) if self.options.vcpus else None
        return Sums(totals, reported or {}, share=True, weights=weights)

    def _sums(
        self, kind: str, operation: Operation, span: Span, factor: float = 1
    ) -> Series | None:
        """Ask for sums by project: one call. None where Gnocchi does not know the metric."""
        query = {
            "start": span.begin,
            "stop": span.end,
            "granularity": GRID,
            "fill": "null",
            "groupby": "project_id",
        }
        body = {
            "resource_type": kind,
            "search": _alive(span.begin),
            "operations": operation,
        }
        with translated(self.cloud, f"Gnocchi's aggregates of {kind}"):
            try:
                answer = self.post("/v1/aggregates", params=query, json=body, headers=JSON)
            except (NotFound, BadRequest) as error:
                if UNKNOWN.search(_text(error)):
                    return None
                raise type(error)(_said(error), response=error.response) from error
            return summed(_points(answer.json(), factor)) or None


def _text(error: Any) -> str:
    return str(error.response.text)


def _said(error: Any) -> str:
    """Give what Gnocchi says is wrong: keystoneauth looks for it elsewhere."""
    try:
        return str(error.response.json()["description"])
    except (ValueError, LookupError, TypeError):
        return str(error.message)


def _alive(begin: int) -> dict[str, Any]:
    """Search for what had not ended: Gnocchi remembers every instance that ever was."""
    ended = datetime.fromtimestamp(begin - ENDED, UTC).isoformat()
    return {"or": [{"=": {"ended_at": None}}, {">=": {"ended_at": ended}}]}


def _points(groups: Any, factor: float) -> Iterator[tuple[str | None, int, float]]:
    if not isinstance(groups, list):
        raise TypeError(f"no list of groups: {str(groups)[:80]}")
    for group in groups:
        project = group["group"]["project_id"]
        for label, _, value in group["measures"]["measures"]["aggregated"]:
            yield project, _end(label), measured("a measure", value) * factor


@lru_cache(maxsize=1024)
def _end(label: str) -> int:
    """Give the end of a granule from its label, which is its beginning."""
    begin = datetime.fromisoformat(label)
    return int(begin.replace(tzinfo=begin.tzinfo or UTC).timestamp()) + GRID
