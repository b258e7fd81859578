"""Meter source ``prometheus``: reads sums by project of Ceilometer's metrics, by range queries.

It also works with VictoriaMetrics, Mimir and Thanos. Their time windows are documented, as
observed, in ``tests/peers/prometheus.py`` and ``victoriametrics.py``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from keystoneauth1.exceptions import HttpError
from keystoneauth1.session import Session
from pydantic import AfterValidator, Field

from openstats.clouds.errors import translated
from openstats.clouds.figures import measured
from openstats.clouds.json_documents import JsonObject
from openstats.clouds.meters import GRID, Batch, MeterRequest, http
from openstats.clouds.meters.accumulation import MeterSums, TenantSums, sum_by_tenant
from openstats.clouds.meters.batches import Reader, Span, batches
from openstats.clouds.meters.options import SumOptions, parse
from openstats.clouds.meters.promql import Queries

NANO = 1e-9
EDGE_SECONDS = 0.001
"""Granules are evaluated this many seconds before their end: windows include their edges, but a
sample on the edge belongs to the next granule."""

METRIC = re.compile("[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile("[a-zA-Z_][a-zA-Z0-9_]*")

COMPLETE_ANSWERS = {"nocache": "1", "deny_partial_response": "1", "partial_response": "false"}
"""Parameters against rounded times (VictoriaMetrics) and partial responses (VictoriaMetrics,
Thanos); Prometheus ignores them."""


def _metric(value: str) -> str:
    if value and not METRIC.fullmatch(value):
        raise ValueError("must be the name of a metric: letters, digits, _ and :")
    return value


def _label(value: str) -> str:
    if not LABEL.fullmatch(value):
        raise ValueError("must be the name of a label: letters, digits and _")
    return value


def _optional_label(value: str) -> str:
    return value and _label(value)


Metric = Annotated[str, AfterValidator(_metric)]


class PrometheusOptions(SumOptions):
    """The options of the source ``prometheus``, for any server with PromQL.

    Attributes:
        url: the URL without ``/api/v1``.
        selector: additional label matchers, such as ``region="one",job=~"ceilometer.*"``.
        label: the label with the project's id.
        resource: the label that identifies an instance or its disk; empty without such a label.
        bearer: a bearer token.
        org: the tenant of a shared Mimir, for the header ``X-Scope-OrgID``.
    """

    url: str = Field(min_length=1, description="the URL of the server, without /api/v1")
    selector: str = ""
    label: Annotated[str, AfterValidator(_label)] = "project"
    resource: Annotated[str, AfterValidator(_optional_label)] = "resource"
    username: str = ""
    password: str = Field("", repr=False)
    bearer: str = Field("", repr=False)
    org: str = ""
    cacert: str = ""
    insecure: bool = False
    cpu: Metric = "ceilometer_cpu"
    vcpus: Metric = "ceilometer_vcpus"
    memory: Metric = "ceilometer_memory_usage"
    storage: Metric = "ceilometer_disk_device_usage"

    @property
    def headers(self) -> dict[str, str]:
        """The headers of every request."""
        headers = {"Accept": "application/json"}
        if self.bearer:
            headers["Authorization"] = f"Bearer {self.bearer}"
        if self.org:
            headers["X-Scope-OrgID"] = self.org
        return headers


def read(request: MeterRequest) -> Iterator[Batch]:
    """Yield the sums of all complete granules that were not read yet.

    Raises:
        ConfigError: an option is wrong.
        CloudError: the server did not answer as expected.
    """
    options = parse(PrometheusOptions, "prometheus", request.settings)
    session = http.session(
        request.connection,
        cacert=options.cacert,
        insecure=options.insecure,
        headers=options.headers,
    )
    with session as open_session:
        source = Prometheus(request.connection.cloud.name, options, open_session)
        yield from batches(request, options, source.readers())


@dataclass(frozen=True)
class Prometheus:
    """A server with PromQL during one read."""

    cloud: str
    options: PrometheusOptions
    session: Session

    def readers(self) -> dict[str, Reader]:
        """Return a reader for each meter with a metric, by the meter's name."""
        options = self.options
        storage_factor = options.storage_mib * GRID
        readers: dict[str, Reader] = {}
        if options.cpu:
            readers["cpu.used"] = self._cpu
        if options.memory:
            readers["memory.used"] = partial(self._gauge, options.memory, GRID)
        if options.storage:
            readers["storage.used"] = partial(self._gauge, options.storage, storage_factor)
        return readers

    @property
    def _queries(self) -> Queries:
        return Queries(self.options.selector, self.options.label, self.options.resource)

    def _gauge(self, metric: str, factor: float, span: Span) -> MeterSums | None:
        mean = self._queries.mean(metric)
        totals = self._by_project("sum", mean, span, factor)
        if not totals:
            return None
        return MeterSums(totals, self._by_project("count", mean, span) if span.recent else {})

    def _cpu(self, span: Span) -> MeterSums | None:
        """Read CPU time; a counter that decreased was reset, and is left out of that granule."""
        cpu, vcpus = self.options.cpu, self.options.vcpus
        burnt = self._queries.burnt(cpu, vcpus)
        totals = self._by_project("sum", burnt, span, NANO)
        if not totals:
            return None
        reported = self._by_project("count", burnt, span) if span.recent else {}
        if not vcpus:
            return MeterSums(totals, reported, share=True)
        weights = self._by_project("sum", self._queries.vcpus(cpu, vcpus), span, GRID)
        return MeterSums(totals, reported, share=True, weights=weights or None)

    def _by_project(
        self, function: str, expression: str, span: Span, factor: float = 1
    ) -> TenantSums:
        """Return an aggregate of an expression by project and granule: one call."""
        query = {
            "query": self._queries.by_project(function, expression),
            "start": f"{span.begin + GRID - EDGE_SECONDS:.3f}",
            "end": f"{span.end}",
            "step": f"{GRID}",
        }
        with translated(self.cloud, f"its range query of {expression[:80]}"):
            try:
                answer = self.session.get(
                    "/api/v1/query_range",
                    endpoint_override=self.options.url,
                    requests_auth=self._credential(),
                    params=query | COMPLETE_ANSWERS,
                )
            except HttpError as error:
                raise type(error)(_reason(error), response=error.response) from error
            return sum_by_tenant(_points(answer.json(), self.options.label, factor))

    def _credential(self) -> tuple[str, str] | None:
        if not self.options.username:
            return None
        return self.options.username, self.options.password


def _reason(error: HttpError) -> str:
    """Return the server's error message, which keystoneauth does not find."""
    try:
        return _words({} if error.response is None else error.response.json())
    except (ValueError, LookupError, TypeError, AttributeError):
        return str(error.message)


def _words(document: JsonObject) -> str:
    return f"{document['errorType']}: {document['error']}"


def _points(
    answer: JsonObject, label: str, factor: float
) -> Iterator[tuple[str | None, int, float]]:
    if answer["status"] == "error":
        raise ValueError(_words(answer))
    if answer["status"] != "success" or answer["data"]["resultType"] != "matrix":
        raise ValueError(f"no matrix: {str(answer)[:80]}")
    if answer.get("isPartial"):
        raise ValueError("a part of an answer")
    for series in answer["data"]["result"]:
        for time, text in series["values"]:
            at = round(float(time))
            if at % GRID:
                raise ValueError(f"a value at {time}, that was not asked for")
            yield series["metric"].get(label), at, measured("a sample", text) * factor
