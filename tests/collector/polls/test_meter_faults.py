"""Meter sources at the edge: how they sign in, and answers that real servers give seldom.

What answers here says what tests/peers observed of real ones, and nothing of its own.
"""

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.collector.lab import Lab
from tests.double import Double
from tests.double.web import Endpoint
from tests.edge.listener import LoopbackServer

GRID, LAG = 300, 600
TENANT = "5f" * 16
BASIC = "Basic cmVhZGVyOnNlY3JldA=="
METERS = ("cpu.used", "memory.used", "storage.used")


class Asking(NamedTuple):
    """A request that came."""

    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any


class Canned(LoopbackServer):
    """Gives every request the next of its answers, and the last for ever: a status, a document."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[tuple[int, Any]] = []
        self.asked: list[Asking] = []

    def serve(self, connection: socket.socket) -> None:
        canned = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                body = json.loads(text) if text else None
                headers = dict(self.headers.items())
                canned.asked.append(Asking(parts.path, parse_qs(parts.query), headers, body))
                status, document = canned.answers[0]
                canned.answers = canned.answers[1:] or canned.answers
                answer = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, *_: object) -> None:
                pass

        Handler(connection, ("", 0), None)  # type: ignore[arg-type]


@pytest.fixture
def canned() -> Iterator[Canned]:
    with Canned() as server:
        yield server


@pytest.fixture
def gnocchi(lab: Lab, alpha: Double, canned: Canned) -> Canned:
    """Gnocchi, in the catalog of the cloud."""
    region = alpha.settings.region
    alpha.site.catalog.append(Endpoint("metric", "gnocchi", region, f"{canned.url}/metric"))
    lab.configure(meter_source="gnocchi")
    lab.use(usage__backfill_days=0)
    return canned


@pytest.fixture
def prometheus(lab: Lab, alpha: Double, canned: Canned) -> Canned:
    ask(lab, canned)
    return canned


def ask(lab: Lab, canned: Canned, **more: Any) -> None:
    told = {"url": f"{canned.url}/select/0/prometheus/"} | more
    lab.configure(meter_source="prometheus", meter_options=told)
    lab.use(usage__backfill_days=0)


def granule(lab: Lab) -> int:
    """Give when the newest granule that is complete began."""
    return int(lab.clock.now - LAG) // GRID * GRID - GRID


def aggregates(begin: float, value: Any, project: str | None = TENANT) -> Any:
    label = datetime.fromtimestamp(begin, UTC).isoformat()
    measures = {"measures": {"aggregated": [[label, 300.0, value]]}}
    return [{"group": {"project_id": project}, "measures": measures}]


def matrix(begin: float, value: str, shift: float = 299.999) -> Any:
    series = {"metric": {"project": TENANT}, "values": [[begin + shift, value]]}
    return {"status": "success", "data": {"resultType": "matrix", "result": [series]}}


def ends(lab: Lab) -> dict[str, int]:
    found = lab.sql("SELECT meter, max(at) FROM reading GROUP BY meter")
    return {name: at for name, at in found if name in METERS}


def test_gnocchi_is_found_in_the_catalog_and_asked_with_the_clouds_token(
    lab: Lab, alpha: Double, gnocchi: Canned
) -> None:
    gnocchi.answers = [(200, aggregates(granule(lab), 1.0))]
    assert lab.cycle("usage") == []
    assert ends(lab) == dict.fromkeys(METERS, granule(lab) + GRID)
    assert {seen.path for seen in gnocchi.asked} == {"/metric/v1/aggregates"}
    assert {seen.headers["X-Auth-Token"] for seen in gnocchi.asked} <= set(alpha.site.tokens)
    assert len(gnocchi.asked) == 7


def test_an_url_is_asked_with_the_token_too(lab: Lab, alpha: Double, canned: Canned) -> None:
    lab.configure(meter_source="gnocchi", meter_options={"url": canned.url})
    lab.use(usage__backfill_days=0)
    canned.answers = [(200, aggregates(granule(lab), 1.0))]
    assert lab.cycle("usage") == []
    assert canned.asked[0].path == "/v1/aggregates"
    assert canned.asked[0].headers["X-Auth-Token"] in alpha.site.tokens


def test_gnocchi_in_mode_basic(lab: Lab, alpha: Double, canned: Canned) -> None:
    told = {"url": canned.url, "auth": "basic", "user": "reader", "password": "secret"}
    lab.configure(meter_source="gnocchi", meter_options=told)
    lab.use(usage__backfill_days=0)
    canned.answers = [(200, aggregates(granule(lab), 1.0))]
    assert lab.cycle("usage") == []
    assert canned.asked[0].headers["Authorization"] == BASIC
    assert "X-Auth-Token" not in canned.asked[0].headers


def test_a_cloud_without_gnocchi(lab: Lab, alpha: Double) -> None:
    lab.configure(meter_source="gnocchi")
    (error,) = lab.cycle("usage")
    assert error == "alpha: Gnocchi's aggregates of instance: not in the catalog of its region"


def test_gnocchi_without_vcpus_takes_those_of_the_flavors(lab: Lab, gnocchi: Canned) -> None:
    lab.configure(meter_options={"memory": "", "storage": "", "vcpus": ""})
    lab.use(usage__backfill_days=0)
    gnocchi.answers = [(200, aggregates(granule(lab), 1e9))]
    assert lab.cycle("usage") == []
    assert len(gnocchi.asked) == 2
    assert ends(lab) == {"cpu.used": granule(lab) + GRID}


def test_a_group_of_no_project_is_nobodys(lab: Lab, gnocchi: Canned) -> None:
    gnocchi.answers = [(200, aggregates(granule(lab), 1.0, project=None))]
    assert lab.cycle("usage") == []
    assert ends(lab) == {}


@pytest.mark.parametrize(
    ("status", "description"),
    [
        (404, "Metric ['cpu'] does not exist"),
        (400, {"cause": "Resource type does not exist", "detail": "instance_disk"}),
    ],
)
def test_tenants_unknown_to_gnocchi_are_unobserved(
    lab: Lab, gnocchi: Canned, status: int, description: Any
) -> None:
    gnocchi.answers = [(status, {"code": status, "description": description})]
    assert lab.cycle("usage") == []
    assert ends(lab) == {}
    assert len(gnocchi.asked) == 3


UNKNOWN = {"cause": "Metrics with unknown aggregation", "detail": [["9d91", "rate:mean"]]}
UNREADABLE, MEASURE, SAMPLE = (
    "unreadable answer",
    "impossible figure: a measure",
    "figure: a sample",
)
BAD_DATA = {"status": "error", "errorType": "bad_data", "error": "unknown function\nsums"}
NO_VALUES = {"resultType": "matrix", "result": [{"metric": {}}]}
PART = {"isPartial": True, "data": {"resultType": "matrix", "result": []}}

MALFORMED = [
    ("gnocchi", 404, {"description": UNKNOWN}, "Metrics with unknown aggregation"),
    ("gnocchi", 404, [], "HTTP 404: Unrecognized schema"),
    ("gnocchi", 200, {}, "no list of groups"),
    ("gnocchi", 200, [{"group": {}}], UNREADABLE),
    ("gnocchi", 200, [{"group": {"project_id": "a"}, "measures": []}], UNREADABLE),
    *(
        ("gnocchi", 200, aggregates(0, value), MEASURE)
        for value in (1e300, float("inf"), "much", None, True)
    ),
    ("prometheus", 200, {}, UNREADABLE),
    ("prometheus", 200, {"status": "success", "data": {"resultType": "vector"}}, UNREADABLE),
    ("prometheus", 200, {"status": "success", "data": {"resultType": "matrix"}}, UNREADABLE),
    ("prometheus", 200, {"status": "success"} | PART, UNREADABLE),
    ("prometheus", 200, matrix(0, "1") | {"data": NO_VALUES}, UNREADABLE),
    ("prometheus", 200, matrix(0, "1", shift=250.0), UNREADABLE),
    *(("prometheus", status, BAD_DATA, "bad_data: unknown") for status in (200, 400, 422, 503)),
    *(("prometheus", 502, body, "HTTP 502: ") for body in ("no", ["no"], {"error": "no"}, {})),
    *(("prometheus", 200, matrix(0, value), SAMPLE) for value in ("1e300", "+Inf", "much")),
]


@pytest.mark.parametrize(("source", "status", "document", "said"), MALFORMED)
def test_a_malformed_answer_is_an_error_and_counts_nothing(
    lab: Lab, request: pytest.FixtureRequest, source: str, status: int, document: Any, said: str
) -> None:
    request.getfixturevalue(source).answers = [(status, document)]
    (error,) = lab.cycle("usage")
    call = "Gnocchi's aggregates of instance: " if source == "gnocchi" else "its range query of "
    assert error.startswith(f"alpha: {call}")
    assert said in error
    assert ends(lab) == {}


@pytest.mark.parametrize(
    ("told", "header", "value"),
    [
        ({"username": "reader", "password": "secret"}, "Authorization", BASIC),
        ({"bearer": "a-token"}, "Authorization", "Bearer a-token"),
        ({"org": "alpha"}, "X-Scope-OrgID", "alpha"),
    ],
)
def test_how_prometheus_is_told_who_asks(
    lab: Lab, alpha: Double, canned: Canned, told: dict[str, str], header: str, value: str
) -> None:
    ask(lab, canned, **told)
    canned.answers = [(200, matrix(granule(lab), "1"))]
    assert lab.cycle("usage") == []
    assert {seen.headers[header] for seen in canned.asked} == {value}
    assert not any("X-Auth-Token" in seen.headers for seen in canned.asked)
    assert ends(lab) == dict.fromkeys(METERS, granule(lab) + GRID)


def test_prometheus_is_queried_by_project(lab: Lab, alpha: Double, canned: Canned) -> None:
    canned.answers = [(200, matrix(granule(lab), "1"))]
    ask(lab, canned, selector='region="one"', label="project_id", resource="", cpu="", storage="")
    window = 'avg_over_time(ceilometer_memory_usage{region="one"}[300s])'
    assert lab.cycle("usage") == []
    (asked,) = canned.asked
    assert asked.path == "/select/0/prometheus/api/v1/query_range"
    assert asked.query == {
        "query": [f"sum by (project_id) ({window})"],
        "start": [f"{granule(lab) + 299.999:.3f}"],
        "end": [f"{granule(lab) + 300}"],
        "step": ["300"],
        "nocache": ["1"],
        "deny_partial_response": ["1"],
        "partial_response": ["false"],
    }


def test_prometheus_is_asked_for_instances_by_their_label(
    lab: Lab, alpha: Double, canned: Canned
) -> None:
    canned.answers = [(200, matrix(granule(lab), "1"))]
    ask(lab, canned, resource="resource_id", memory="", storage="")
    assert lab.cycle("usage") == []
    assert len(canned.asked) == 3
    for asked in canned.asked:
        (query,) = asked.query["query"]
        assert "by (project, resource_id)" in query
        assert '{resource_id!=""}' in query
        assert '{resource_id=""}' in query


def test_one_metric_that_fails_stops_no_other(lab: Lab, prometheus: Canned) -> None:
    refusal = {"status": "error", "errorType": "execution", "error": "too many samples"}
    prometheus.answers = [(422, refusal), (200, matrix(granule(lab), "1"))]
    (error,) = lab.cycle("usage")
    assert error.startswith("cpu.used: alpha: its range query of ")
    assert "execution: too many samples" in error
    assert ends(lab) == dict.fromkeys(METERS[1:], granule(lab) + GRID)
    assert lab.outcome("usage").polled_at == int(lab.clock.now)
    prometheus.answers = [(200, matrix(granule(lab), "1"))]
    assert lab.cycle("usage") == []
    assert ends(lab) == dict.fromkeys(METERS, granule(lab) + GRID)


def test_prometheus_without_vcpus_takes_those_of_the_flavors(
    lab: Lab, alpha: Double, canned: Canned
) -> None:
    ask(lab, canned, memory="", storage="", vcpus="")
    canned.answers = [(200, matrix(granule(lab), "1e9"))]
    assert lab.cycle("usage") == []
    assert len(canned.asked) == 2
    assert ends(lab) == {"cpu.used": granule(lab) + GRID}


def test_tenants_unknown_to_prometheus_are_unobserved(lab: Lab, prometheus: Canned) -> None:
    prometheus.answers = [
        (200, matrix(granule(lab), "1") | {"data": {"resultType": "matrix", "result": []}})
    ]
    assert lab.cycle("usage") == []
    assert ends(lab) == {}
    assert len(prometheus.asked) == 3


def test_a_wrong_option_is_told_by_the_job(lab: Lab, alpha: Double) -> None:
    lab.configure(meter_source="prometheus", meter_options={"uri": "http://127.0.0.1"})
    (error,) = lab.cycle("usage")
    assert error.startswith(
        "meter_options of meter_source = prometheus: unknown option uri: must be one of "
    )
