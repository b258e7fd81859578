"""Every parameter of every statistic, given wrongly: 400 that names it, and never 500."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webtest import TestApp

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

COMMON = {"strict": WORDS}
AGGREGATED = {"aggregate": [*WORDS, "customers", "Customer", "vm"], "uuid": UUIDS}
TAKEN: dict[str, tuple[dict[str, str], dict[str, list[str]]]] = {
    "resource": (
        {"auth_url": KEYSTONE},
        COMMON | {"auth_url": URLS, "region": NAMES, "unlimited": WORDS},
    ),
    "quota": ({}, COMMON | AGGREGATED | {"each": WORDS, "unlimited": WORDS}),
    "customer": ({}, COMMON | {"with": WORDS, "limit": [*WHOLE, "10001"], "marker": UUIDS}),
    "usage": (
        {"item": "memory"},
        COMMON
        | AGGREGATED
        | {
            "item": [*WORDS, "ram", "CPU"],
            "from": TIMES,
            "to": TIMES,
            "datapoints": [*WHOLE, "1001"],
            "interval": [*WORDS, "week"],
            "tz": [
                *NAMES,
                "CEST",
                "../../etc/passwd",
                "/etc/localtime",
                ".",
                "localtime",
                "Factory",
            ],
            "basis": [*WORDS, "reserved"],
            "fill": ["", "0", "None", "NULL"],
            "deleted": WORDS,
            "with": WORDS,
            "limit": [*WHOLE, "10001"],
            "marker": UUIDS,
        },
    ),
    "alert": (
        {},
        COMMON
        | AGGREGATED
        | {
            "each": WORDS,
            "deleted": WORDS,
            "opened": WORDS,
            "acknowledged": WORDS,
            "from": TIMES,
            "to": TIMES,
        },
    ),
    "creation-time": (
        {"type": "customer"},
        COMMON
        | {
            "type": [*WORDS, "customers", "vm"],
            "from": TIMES,
            "to": TIMES,
            "datapoints": [*WHOLE, "1001"],
        },
    ),
}


def cases() -> list[Any]:
    """List (statistic, parameter, query): each wrong value beside right ones."""
    found = []
    for statistic, (needed, taken) in TAKEN.items():
        for name, values in taken.items():
            right = "".join(f"&{n}={v}" for n, v in needed.items() if n != name)
            for value in values:
                shown = value if len(value) < 20 else f"{value[:8]}...{len(value)}"
                case = statistic, name, f"{name}={value}{right}"
                found.append(pytest.param(*case, id=f"{statistic}-{name}-{shown}"))
    return found


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


@pytest.mark.parametrize(("statistic", "name", "query"), cases())
def test_a_wrong_value_is_named(empty_app: TestApp, statistic: str, name: str, query: str) -> None:
    (detail,) = refused(empty_app, statistic, query)
    assert detail.startswith(f"{name}=")
    assert re.search("must (be|not|have)|is not a name|no cloud with this URL", detail)


@pytest.mark.parametrize(
    ("statistic", "name"), [("resource", "auth_url"), ("creation-time", "type"), ("usage", "item")]
)
def test_missing_parameter_is_named(empty_app: TestApp, statistic: str, name: str) -> None:
    assert refused(empty_app, statistic, "") == [f"{name}: required parameter is missing"]


@pytest.mark.parametrize(
    ("statistic", "name"),
    [(s, n) for s, (_, taken) in TAKEN.items() for n in taken if n != "uuid"],
)
def test_repeated_parameter_is_named(empty_app: TestApp, statistic: str, name: str) -> None:
    assert refused(empty_app, statistic, f"{name}=1&{name}=1") == [
        f"{name}: must be given only once"
    ]


@pytest.mark.parametrize("statistic", TAKEN)
def test_unknown_parameter_is_named(empty_app: TestApp, statistic: str) -> None:
    details = refused(empty_app, statistic, "nonsense=1&%00=2&=3&Strict=true")
    for shown in ("nonsense:", "\\x00:", ":", "Strict:"):
        assert any(detail.startswith(shown) for detail in details)


@pytest.mark.parametrize("statistic", TAKEN)
@pytest.mark.parametrize("query", ["strict=%FF", "%FF=true", "strict=%ED%A0%80", "a=%C0%80"])
def test_rejects_a_query_that_is_not_utf8(empty_app: TestApp, statistic: str, query: str) -> None:
    assert refused(empty_app, statistic, query) == ["the query string is not UTF-8"]


@pytest.mark.parametrize("statistic", TAKEN)
def test_too_many_parameters(empty_app: TestApp, statistic: str) -> None:
    (detail,) = refused(empty_app, statistic, "&".join(["x=1"] * 1101))
    assert "at most 1100" in detail


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("from=5&to=5", "from=5"),
        ("from=6&to=5", "from=6"),
        ("from=4102444800", "from=4102444800"),
        ("from=0&to=9&datapoints=10", "datapoints=10"),
    ],
)
def test_intervals_that_hold_nothing(empty_app: TestApp, query: str, named: str) -> None:
    (detail,) = refused(empty_app, "creation-time", f"type=customer&{query}")
    assert detail.startswith(named)


def test_milliseconds_are_asked_about(empty_app: TestApp) -> None:
    (detail,) = refused(empty_app, "creation-time", "type=customer&from=1415910025000")
    assert "milliseconds?" in detail


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


@given(st.sampled_from(sorted(TAKEN)), st.binary(max_size=80))
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
