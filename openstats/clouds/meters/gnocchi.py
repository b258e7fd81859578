"""Meter source ``gnocchi``: reads sums by project of Ceilometer's metrics, by aggregates calls.

Gnocchi's responses and granules are documented, as observed, in ``tests/peers/gnocchi.py``.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Literal, Self

import requests
from keystoneauth1.exceptions import BadRequest, HttpError, NotFound
from pydantic import Field, model_validator

from openstats.clouds.connection import Connection
from openstats.clouds.errors import translated
from openstats.clouds.figures import measured
from openstats.clouds.json_documents import JsonValue
from openstats.clouds.meters import GRID, Batch, MeterRequest, http
from openstats.clouds.meters.accumulation import MeterSums, TenantSums, sum_by_tenant
from openstats.clouds.meters.batches import Reader, Span, batches
from openstats.clouds.meters.options import SumOptions, Whole, parse
from openstats.unix_time import HOUR

SERVICE = "metric"
NANO = 1e-9
UNKNOWN_METRIC = re.compile(
    r"Metric .*does not exist|Resource type does not exist|Metrics not found"
)
"""Gnocchi's messages about unknown metrics and resource types, with status 404 or 400."""

JSON_HEADERS = {"Accept": "application/json"}
"""Headers of requests; without them, Gnocchi's errors are HTML."""

LATE_SAMPLES = HOUR
"""Seconds after its end for which an instance may still have samples."""

AggregateOperation = Sequence[object]
PostRequest = Callable[..., requests.Response]


class GnocchiOptions(SumOptions):
    """The options of the source ``gnocchi``.

    Attributes:
        url: the endpoint; empty for that of the cloud's catalog.
        auth: ``keystone``, or ``basic`` for Gnocchi's auth mode of that name.
        user: the user name in mode ``basic``.
        password: the password in mode ``basic``; Gnocchi itself ignores it.
        interval: the number of seconds between two samples of CPU time.
        storage_type: the type of the resources with the storage metric.
    """

    url: str = ""
    auth: Literal["keystone", "basic"] = "keystone"
    user: str = "admin"
    password: str = Field("", repr=False)
    cacert: str = ""
    insecure: bool = False
    interval: Whole = Field(300, ge=1)
    cpu: str = "cpu"
    vcpus: str = "vcpus"
    memory: str = "memory.usage"
    storage: str = "disk.device.usage"
    storage_type: str = "instance_disk"

    @model_validator(mode="after")
    def _basic_has_url(self) -> Self:
        if self.auth == "basic" and not self.url:
            raise ValueError("auth = basic requires url, the URL of Gnocchi")
        return self


def read(request: MeterRequest) -> Iterator[Batch]:
    """Yield the sums of all complete granules that were not read yet.

    Raises:
        ConfigError: an option is wrong.
        CloudError: Gnocchi did not answer as expected.
    """
    options = parse(GnocchiOptions, "gnocchi", request.settings)
    with ExitStack() as stack:
        post = _post(request.connection, options, stack)
        source = Gnocchi(request.connection.cloud.name, options, post)
        yield from batches(request, options, source.readers())


def _post(connection: Connection, options: GnocchiOptions, stack: ExitStack) -> PostRequest:
    """Return a function that posts to paths below Gnocchi's endpoint."""
    if options.auth == "basic":
        session = http.session(connection, cacert=options.cacert, insecure=options.insecure)
        return partial(
            stack.enter_context(session).post,
            endpoint_override=options.url,
            requests_auth=(options.user, options.password),
        )
    endpoint = {
        "service_type": SERVICE,
        "region_name": connection.cloud.region or None,
        "interface": connection.entry.region.get_interface(SERVICE),
    }
    with translated(connection.cloud.name, "signing in"):
        keystone_session = connection.session
    return partial(
        keystone_session.post,
        endpoint_filter=endpoint,
        endpoint_override=options.url or None,
    )


@dataclass(frozen=True)
class Gnocchi:
    """A Gnocchi during one read."""

    cloud: str
    options: GnocchiOptions
    post: PostRequest

    def readers(self) -> dict[str, Reader]:
        """Return a reader for each meter with a metric, by the meter's name."""
        options = self.options
        storage_factor = options.storage_mib * GRID
        readers: dict[str, Reader] = {}
        if options.cpu:
            readers["cpu.used"] = self._cpu
        if options.memory:
            readers["memory.used"] = partial(self._gauge, "instance", options.memory, GRID)
        if options.storage:
            storage = partial(self._gauge, options.storage_type, options.storage, storage_factor)
            readers["storage.used"] = storage
        return readers

    def _gauge(self, kind: str, metric: str, factor: float, span: Span) -> MeterSums | None:
        mean = ["metric", metric, "mean"]
        totals = self._sums(kind, ["aggregate", "sum", mean], span, factor)
        if not totals:
            return None
        # Gnocchi cannot serialise a bare count as JSON; it can serialise a product.
        count = ["*", 1, ["aggregate", "count", mean]]
        reported = self._sums(kind, count, span) if span.recent else None
        return MeterSums(totals, reported or {})

    def _cpu(self, span: Span) -> MeterSums | None:
        """Read CPU time: rates are in ns per interval, and negative after a reset of a counter."""
        rate = ["metric", self.options.cpu, "rate:mean"]
        burnt = ["aggregate", "sum", ["clip_min", rate, 0]]
        totals = self._sums("instance", burnt, span, NANO * GRID / self.options.interval)
        if not totals:
            return None
        # Exclude counters that were reset, whose rate was clipped to 0.
        count = ["*", 1, ["aggregate", "sum", [">=", rate, 0]]]
        reported = self._sums("instance", count, span)
        vcpus = ["aggregate", "sum", ["metric", self.options.vcpus, "mean"]]
        weights = self._sums("instance", vcpus, span, GRID) if self.options.vcpus else None
        return MeterSums(totals, reported or {}, share=True, weights=weights)

    def _sums(
        self, kind: str, operation: AggregateOperation, span: Span, factor: float = 1
    ) -> TenantSums | None:
        """Return sums by project: one call; None if Gnocchi does not have the metric."""
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
                answer = self.post("/v1/aggregates", params=query, json=body, headers=JSON_HEADERS)
            except (NotFound, BadRequest) as error:
                if UNKNOWN_METRIC.search(_text(error)):
                    return None
                raise type(error)(_reason(error), response=error.response) from error
            return sum_by_tenant(_points(answer.json(), factor)) or None


def _text(error: HttpError) -> str:
    return "" if error.response is None else error.response.text


def _reason(error: HttpError) -> str:
    """Return Gnocchi's error message, which keystoneauth does not find."""
    try:
        document = {} if error.response is None else error.response.json()
        return str(document["description"])
    except (ValueError, LookupError, TypeError):
        return str(error.message)


def _alive(begin: int) -> dict[str, object]:
    """Return a filter for resources that had not ended at ``begin``: Gnocchi keeps ended ones."""
    ended = datetime.fromtimestamp(begin - LATE_SAMPLES, UTC).isoformat()
    return {"or": [{"=": {"ended_at": None}}, {">=": {"ended_at": ended}}]}


def _points(groups: JsonValue, factor: float) -> Iterator[tuple[str | None, int, float]]:
    if not isinstance(groups, list):
        raise TypeError(f"no list of groups: {str(groups)[:80]}")
    for group in groups:
        project = group["group"]["project_id"]
        for label, _, value in group["measures"]["measures"]["aggregated"]:
            yield project, _end(label), measured("a measure", value) * factor


@lru_cache(maxsize=1024)
def _end(label: str) -> int:
    """Return the end of a granule in Unix seconds; its label is its beginning."""
    begin = datetime.fromisoformat(label)
    return int(begin.replace(tzinfo=begin.tzinfo or UTC).timestamp()) + GRID
