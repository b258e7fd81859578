"""Meter source ``prometheus``: sums by project of what Ceilometer exports there, by range queries.

So are VictoriaMetrics, Mimir and Thanos asked. How they cut time was observed: tests/peers/
prometheus.py and victoriametrics.py say how.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from keystoneauth1.exceptions import HttpError

from openstats.clouds.errors import translated
from openstats.clouds.figures import measured
from openstats.clouds.meters import GRID, Asked, Window, http
from openstats.clouds.meters.accumulation import Series, Sums, summed
from openstats.clouds.meters.batches import Reader, Span, windows
from openstats.clouds.meters.options import MIB, Summing, made
from openstats.clouds.meters.promql import Queries

NANO = 1e-9
SHORT = 0.001
"""Seconds before its end at which a granule is asked for: a sample on the edge belongs to the
next one, and the window is closed there."""

METRIC = re.compile("[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile("[a-zA-Z_][a-zA-Z0-9_]*")

WHOLE = {"nocache": "1", "deny_partial_response": "1", "partial_response": "false"}
"""No rounded times (VictoriaMetrics), and no part of an answer (it and Thanos); Prometheus does
not care."""


@dataclass(frozen=True, kw_only=True)
class Options(Summing):
    """What is told of a Prometheus, and whatever else speaks PromQL.

    Attributes:
        url: what comes before /api/v1.
        selector: further label matchers: ``region="one",job=~"ceilometer.*"``.
        label: the label that holds the project's id.
        resource: the label that tells instances, or their disks, apart; empty: there is none.
        bearer: a token.
        org: whose data it is, of a Mimir that several share: X-Scope-OrgID.
    """

    url: str = ""
    selector: str = ""
    label: str = "project"
    resource: str = "resource"
    username: str = ""
    password: str = field(default="", repr=False)
    bearer: str = field(default="", repr=False)
    org: str = ""
    cacert: str = ""
    insecure: bool = False
    cpu: str = "ceilometer_cpu"
    vcpus: str = "ceilometer_vcpus"
    memory: str = "ceilometer_memory_usage"
    storage: str = "ceilometer_disk_device_usage"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.url:
            raise ValueError("url is needed: what comes before /api/v1")
        for name in ("cpu", "vcpus", "memory", "storage"):
            metric = getattr(self, name)
            if metric and not METRIC.fullmatch(metric):
                raise ValueError(f"{name} takes the name of a metric, not {metric!r}")
        for name, label in (("label", self.label), ("resource", self.resource or "none")):
            if not LABEL.fullmatch(label):
                raise ValueError(f"{name} takes the name of a label, not {label!r}")

    @property
    def headers(self) -> dict[str, str]:
        """What is sent with every request."""
        found = {"Accept": "application/json"}
        if self.bearer:
            found["Authorization"] = f"Bearer {self.bearer}"
        if self.org:
            found["X-Scope-OrgID"] = self.org
        return found


def read(asked: Asked) -> Iterator[Window]:
    """Read the sums of all granules that are complete and were not read yet.

    Raises:
        ConfigError: an option is wrong.
        CloudError: the server did not answer as expected.
    """
    options = made(Options, "prometheus", asked.settings)
    opened = http.session(
        asked.connection,
        cacert=options.cacert,
        insecure=options.insecure,
        headers=options.headers,
    )
    with opened as session:
        source = Prometheus(asked.connection.cloud.name, options, session)
        yield from windows(asked, options, source.readers())


@dataclass(frozen=True)
class Prometheus:
    """One server, as it is asked by a read."""

    cloud: str
    options: Options
    session: Any

    def readers(self) -> dict[str, Reader]:
        """Give what reads each meter that is wanted."""
        options, factor = self.options, MIB[self.options.storage_unit] * GRID
        wanted: dict[str, tuple[str, Reader]] = {
            "cpu.used": (options.cpu, self._cpu),
            "memory.used": (options.memory, partial(self._gauge, options.memory, GRID)),
            "storage.used": (options.storage, partial(self._gauge, options.storage, factor)),
        }
        return {name: reader for name, (metric, reader) in wanted.items() if metric}

    @property
    def _queries(self) -> Queries:
        return Queries(self.options.selector, self.options.label, self.options.resource)

    def _gauge(self, metric: str, factor: float, span: Span) -> Sums | None:
        mean = self._queries.mean(metric)
        totals = self._by_project("sum", mean, span, factor)
        if not totals:
            return None
        return Sums(totals, self._by_project("count", mean, span) if span.recent else {})

    def _cpu(self, span: Span) -> Sums | None:
        """Read CPU time; whose counter fell began again, and is not known in that granule."""
        cpu, vcpus = self.options.cpu, self.options.vcpus
        burnt = self._queries.burnt(cpu, vcpus)
        totals = self._by_project("sum", burnt, span, NANO)
        if not totals:
            return None
        reported = self._by_project("count", burnt, span) if span.recent else {}
        if not vcpus:
            return Sums(totals, reported, share=True)
        weights = self._by_project("sum", self._queries.vcpus(cpu, vcpus), span, GRID)
        return Sums(totals, reported, share=True, weights=weights or None)

    def _by_project(self, function: str, inner: str, span: Span, factor: float = 1) -> Series:
        """Ask for a value by project and granule: one call."""
        query = {
            "query": self._queries.by_project(function, inner),
            "start": f"{span.begin + GRID - SHORT:.3f}",
            "end": f"{span.end}",
            "step": f"{GRID}",
        }
        with translated(self.cloud, f"its range query of {inner[:80]}"):
            try:
                answer = self.session.get(
                    "/api/v1/query_range",
                    endpoint_override=self.options.url,
                    requests_auth=self._signed(),
                    params=query | WHOLE,
                )
            except HttpError as error:
                raise type(error)(_reason(error), response=error.response) from error
            return summed(_points(answer.json(), self.options.label, factor))

    def _signed(self) -> tuple[str, str] | None:
        if not self.options.username:
            return None
        return self.options.username, self.options.password


def _reason(error: Any) -> str:
    """Return what the server says is wrong: keystoneauth looks for it elsewhere."""
    try:
        return _words(error.response.json())
    except (ValueError, LookupError, TypeError, AttributeError):
        return str(error.message)


def _words(document: Mapping[str, Any]) -> str:
    return f"{document['errorType']}: {document['error']}"


def _points(
    answer: Mapping[str, Any], label: str, factor: float
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
