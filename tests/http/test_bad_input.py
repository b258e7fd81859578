"""Every parameter of every statistic, given wrongly: 400 that names it, and never 500."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webtest import TestApp

from openstats.api.routes import STATISTICS
from openstats.http.validation import parameter_names
from tests.registry import KEYSTONE

NINES = "9" * 5000
UUID = "0b5e2c1a-1111-4222-8333-444455556666"
WORDS = ["", "x", "TRUE", "%00", "null", "0", "-1", NINES, "true,", "%F0%9F%92%A9"]
UUIDS = ["", "1", "%00", UUID[:-1], f"{UUID}0", f"{{{UUID}}}", f"urn:uuid:{UUID}", "g" * 32, NINES]
WHOLE = ["", "0", "-1", "1.5", "1e2", "x", "%00", "+1", "%D9%A1", "true", NINES, f"-{NINES}"]
TIMES = ["", "-1", "x", "%00", "1.5", "4102444801", "1415910025000", NINES, "2014-13-01", "now"]
MACHINE_ZONES = ["localtime", "posixrules", "Factory"]
NAMES = ["", "%00", "a%0Ab", "%1B[31m", "x" * 256]
URLS = [
    "",
    "x",
    "%00",
    "ftp://h",
    "http://",
    "http://u:p@h",
    "http://h:x",
    "http://[",
    NINES,
    "http://unknown.example",
]

KINDS = [*WORDS, "customers", "Customer", "vm"]
VALUES = {
    "strict": WORDS,
    "each": WORDS,
    "deleted": WORDS,
    "opened": WORDS,
    "acknowledged": WORDS,
    "unlimited": WORDS,
    "with": WORDS,
    "aggregate": KINDS,
    "type": KINDS,
    "item": [*WORDS, "ram", "CPU"],
    "basis": [*WORDS, "reserved"],
    "fill": ["", "0", "None", "NULL"],
    "interval": [*WORDS, "week"],
    "uuid": UUIDS,
    "marker": UUIDS,
    "limit": [*WHOLE, "10001"],
    "datapoints": [*WHOLE, "1001"],
    "from": TIMES,
    "to": TIMES,
    "tz": [*NAMES, *MACHINE_ZONES, "CEST", "../../etc/passwd", "/etc/localtime", "."],
    "auth_url": URLS,
    "region": NAMES,
    "on_behalf_of": [""],
}
"""Wrong values of every parameter."""

REQUIRED = {"resource": {"auth_url": KEYSTONE}, "usage": {"item": "memory"}}
REQUIRED["creation-time"] = {"type": "customer"}
NAMES_OF = {each.name: parameter_names(each.parameters) for each in STATISTICS}


def cases() -> Iterator[Any]:
    """Yield (statistic, parameter, query): each wrong value beside required ones."""
    for statistic, names in NAMES_OF.items():
        for name in names:
            required = REQUIRED.get(statistic, {}).items()
            beside = "".join(f"&{n}={value}" for n, value in required if n != name)
            for value in VALUES[name]:
                shown = value if len(value) < 20 else f"{value[:8]}...{len(value)}"
                case = statistic, name, f"{name}={value}{beside}"
                yield pytest.param(*case, id=f"{statistic}-{name}-{shown}")


def refused(client: TestApp, statistic: str, query: str) -> list[str]:
    """Ask, and give the details of the error document, whose form is checked."""
    answer = client.get(f"/api/stats/{statistic}/?{query}", status=400)
    assert answer.content_type == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    for error in answer.json["errors"]:
        assert set(error) == {"status", "code", "title", "detail", "request_id"}
        assert (error["status"], error["code"]) == (400, "openstats.parameter.invalid")
        assert error["request_id"] == answer.headers["X-Openstack-Request-Id"]
        assert error["detail"].isprintable()
        assert len(error["detail"]) < 500
    return [error["detail"] for error in answer.json["errors"]]


@pytest.mark.parametrize(("statistic", "name", "query"), [*cases()])
def test_a_wrong_value_is_named(empty_app: TestApp, statistic: str, name: str, query: str) -> None:
    (detail,) = refused(empty_app, statistic, query)
    assert detail.startswith(f"{name}=")
    assert re.search("must (be|not|have)|is not a name|no cloud with this URL", detail)


@pytest.mark.parametrize(
    ("statistic", "name"), [(s, name) for s, values in REQUIRED.items() for name in values]
)
def test_missing_parameter_is_named(empty_app: TestApp, statistic: str, name: str) -> None:
    assert refused(empty_app, statistic, "") == [f"{name}: required parameter is missing"]


@pytest.mark.parametrize(
    ("statistic", "name"),
    [(s, name) for s, names in NAMES_OF.items() for name in names if name != "uuid"],
)
def test_repeated_parameter_is_named(empty_app: TestApp, statistic: str, name: str) -> None:
    assert refused(empty_app, statistic, f"{name}=1&{name}=1") == [
        f"{name}: must be given only once"
    ]


@pytest.mark.parametrize("statistic", NAMES_OF)
def test_unknown_parameter_is_named(empty_app: TestApp, statistic: str) -> None:
    details = refused(empty_app, statistic, "nonsense=1&%00=2&=3&Strict=true")
    for shown in ("nonsense:", "\\x00:", ":", "Strict:"):
        assert any(detail.startswith(shown) for detail in details)


@pytest.mark.parametrize("statistic", NAMES_OF)
@pytest.mark.parametrize("query", ["strict=%FF", "%FF=true", "strict=%ED%A0%80", "a=%C0%80"])
def test_rejects_a_query_that_is_not_utf8(empty_app: TestApp, statistic: str, query: str) -> None:
    assert refused(empty_app, statistic, query) == ["the query string is not UTF-8"]


def test_every_problem_has_an_entry(empty_app: TestApp) -> None:
    details = refused(empty_app, "creation-time", "datapoints=0&from=x&nonsense=1")
    assert [detail.split("=")[0].split(":")[0] for detail in details] == [
        "from",
        "datapoints",
        "type",
        "nonsense",
    ]


def test_rejected_values_are_quoted_harmlessly(empty_app: TestApp) -> None:
    (detail,) = refused(empty_app, "quota", "aggregate=%3Cscript%3E%1B%5B2J%E2%80%AE")
    assert "\\x1b" in detail
    assert detail.isascii()


@given(st.sampled_from(sorted(NAMES_OF)), st.binary(max_size=80))
def test_any_bytes_are_answered_or_refused(filled_app: TestApp, statistic: str, raw: bytes) -> None:
    request = filled_app.RequestClass.blank(f"/api/stats/{statistic}/")
    request.environ["QUERY_STRING"] = raw.decode("latin-1")
    answer = filled_app.do_request(request, status="*", expect_errors=True)
    assert answer.status_int in (200, 400)
    assert answer.json


@given(st.binary(min_size=1, max_size=40))
def test_any_path_is_answered_or_refused(filled_app: TestApp, raw: bytes) -> None:
    request = filled_app.RequestClass.blank("/")
    request.environ["PATH_INFO"] = f"/api/stats/{raw.decode('latin-1')}"
    answer = filled_app.do_request(request, status="*", expect_errors=True)
    assert answer.status_int in (200, 400, 404)
    assert answer.json
