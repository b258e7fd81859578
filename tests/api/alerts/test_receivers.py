"""Receivers over HTTP: who may tell, what is understood, and what is refused."""

import base64
import logging
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import insert
from webtest import TestApp

from openstats.storage.schema.alerts import receiver
from openstats.storage.store import Store
from openstats.tokens import hash_token, make_token
from tests.api.receiving import (
    BEARER,
    OTHER,
    TOKEN,
    URL,
    alarm,
    iso,
    listed,
    sent,
    tell,
    times,
    webhook,
)
from tests.registry import NOW

Api = Callable[..., TestApp]
NO_TIME = "0001-01-01T00:00:00Z"


RECEIVERS = {
    "am": {},
    "telemetry": {"kind": "aodh"},
    "other": {"token_hash": hash_token(OTHER)},
    "closed": {"token_hash": ""},
}


@pytest.fixture
def app(receiving: Api) -> TestApp:
    return receiving(**RECEIVERS)


@pytest.fixture
def either_app(either_receiving: Api) -> TestApp:
    return either_receiving(**RECEIVERS)


def basic(password: str, user: str = "alertmanager") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def code(answer: Any) -> str:
    """Give the code of an error document, which is printable."""
    (found, *_) = answer.json["errors"]
    assert found["detail"].isprintable()
    return str(found["code"]).removeprefix("openstats.")


@pytest.mark.parametrize(
    "header",
    [
        f"Bearer {TOKEN}",
        f"bearer  {TOKEN} ",
        basic(TOKEN),
        basic(TOKEN, ""),
        basic(TOKEN).replace("B", "b", 1),
    ],
)
def test_the_token_comes_as_bearer_or_as_a_password(app: TestApp, header: str) -> None:
    answer = tell(app, "am", webhook(sent()), Authorization=header)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.body == b""
    assert len(listed(app)) == 1


@pytest.mark.parametrize(
    "header",
    [
        "",
        TOKEN,
        "Bearer",
        f"Bearer {OTHER}",
        f"Bearer {hash_token(TOKEN)}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN.upper()}",
        f"Token {TOKEN}",
        basic(OTHER),
        basic("", TOKEN),
        "Basic ???",
        "Basic /w==",
        "Basic \xe9",
        f"Basic {base64.b64encode(TOKEN.encode()).decode()}",
    ],
)
def test_wrong_or_missing_token_is_refused(app: TestApp, header: str) -> None:
    refused = tell(app, "am", webhook(sent()), 401, Authorization=header)
    assert code(refused) == "token.missing"
    assert TOKEN not in refused.text
    assert listed(app) == []


def test_a_token_opens_its_own_receiver_only(app: TestApp) -> None:
    tell(app, "other", webhook(sent()), 401)
    tell(app, "other", webhook(sent()), Authorization=f"Bearer {OTHER}")


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Basic Og==", ""])
def test_a_receiver_without_a_token_accepts_none(app: TestApp, header: str) -> None:
    tell(app, "closed", webhook(sent()), 401, Authorization=header)


@pytest.mark.parametrize("name", ["token", "access_token", "Authorization", "strict"])
def test_a_token_in_the_query_is_refused(app: TestApp, name: str) -> None:
    url = f"{URL}am/?{name}={TOKEN}"
    assert app.post_json(url, webhook(sent()), status=401).status_int == 401
    refused = app.post_json(url, webhook(sent()), headers=BEARER, status=400)
    assert code(refused) == "parameter.invalid"
    assert TOKEN not in refused.headers.values()
    assert listed(app) == []


@pytest.mark.parametrize("name", ["nobody", "%00", "%c3%a9", "..", "a%0d%0ab", "AM", "closed"])
@pytest.mark.parametrize("document", [webhook(sent()), [], {"alerts": "x" * 2**24}], ids=type)
def test_an_unknown_receiver_answers_as_to_a_wrong_token(
    app: TestApp, name: str, document: Any
) -> None:
    known = tell(app, "am", document, 401, Authorization="Bearer wrong")
    for headers in (BEARER, {"Authorization": "Bearer wrong"}, {"X-Auth-Token": "x"}):
        unknown = tell(app, name, document, 401, **headers)
        ids = (answer.headers["X-Openstack-Request-Id"] for answer in (known, unknown))
        assert known.text == unknown.text.replace(*reversed([*ids]))


def test_a_receiver_takes_post_only(app: TestApp) -> None:
    for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH"):
        answer = app.request(f"{URL}am/", method=method, headers=BEARER, status=405)
        assert answer.headers["Allow"] == "POST"
    assert app.post_json(URL, {}, status=405).headers["Allow"] == "GET, HEAD"


def test_a_receivers_url_may_lack_the_slash(app: TestApp) -> None:
    for url in (f"{URL}am", f"{URL}am/"):
        app.post_json(url, webhook(sent()), headers=BEARER, status=204)
    assert len(listed(app)) == 1


def test_receivers_are_listed_with_what_came_in_and_no_secret(app: TestApp) -> None:
    tell(app, "am", webhook(sent("a"), sent("b"), truncatedAlerts=7))
    tell(app, "am", webhook(sent("a"), truncatedAlerts=1))
    answer = app.get(URL)
    found = {entry["name"]: entry for entry in answer.json["receivers"]}
    assert list(found) == ["am", "telemetry", "other", "closed"]
    assert found["am"] == {
        "name": "am",
        "kind": "alertmanager",
        "clouds": [],
        "customer": None,
        "project": None,
        "tenant_visible": False,
        "received_at": NOW + 30,
        "notices": 3,
        "truncated": 8,
        "refused": 0,
        "refused_at": None,
        "refusal": None,
    }
    nothing = (found["other"]["received_at"], found["other"]["notices"])
    assert nothing == (None, 0)
    assert hash_token(TOKEN) not in answer.text
    headers = {"If-None-Match": answer.headers["ETag"]}
    app.get(URL[:-1], headers=headers, status=304)
    app.get(f"{URL}?x=1", status=400)


def test_a_new_token_opens_by_its_hash(receiving: Api) -> None:
    token = make_token()
    app = receiving(am={"token_hash": hash_token(token)})
    tell(app, "am", webhook(sent()), Authorization=f"Bearer {token}")
    assert make_token() != token


# -- what is understood


def test_webhook_becomes_alerts_with_all_fields(app: TestApp) -> None:
    tell(app, "am", webhook(sent(cloud="nowhere", pod="x")))
    (entry,) = listed(app)
    assert entry.pop("uuid")
    assert entry == {
        "severity": "Error",
        "alert_type": "HostDown",
        "message": "f1 is down",
        "scope": None,
        "created_at": NOW - 600,
        "closed_at": None,
        "acknowledged": False,
        "source": "am",
        "labels": {"cloud": "nowhere"},
    }


SEVERITIES = {
    "critical": "Error",
    "CRITICAL": "Error",
    "error": "Error",
    "page": "Error",
    "warning": "Warning",
    "minor": "Warning",
    "info": "Info",
    "none": "Debug",
    "debug": "Debug",
    "": "Warning",
    "catastrophe": "Warning",
}


@pytest.mark.parametrize(("told", "severity"), SEVERITIES.items())
def test_a_senders_severity_becomes_one_of_four(app: TestApp, told: str, severity: str) -> None:
    tell(app, "am", webhook(sent(severity=told)))
    assert [entry["severity"] for entry in listed(app)] == [severity]


def test_severities_are_configurable(receiving: Api) -> None:
    app = receiving(alerts={"severities": "p1:Error,p2:Info", "unknown_severity": "Debug"}, am={})
    tell(app, "am", webhook(sent("a", severity="P1"), sent("b", severity="p2"), sent("c")))
    assert {entry["severity"] for entry in listed(app)} == {"Error", "Info", "Debug"}


@pytest.mark.parametrize(
    ("more", "name", "message"),
    [
        ({"annotations": {"description": "d", "summary": "s"}}, "HostDown", "s"),
        ({"annotations": {"title": "t", "message": "m"}}, "HostDown", "m"),
        ({"annotations": {"runbook_url": "http://x"}}, "HostDown", "HostDown"),
        ({"annotations": {}}, "HostDown", "HostDown"),
        ({"annotations": {}, "labels": {}}, "alert", "alert"),
    ],
)
def test_a_message_is_an_annotation_or_else_the_name(
    app: TestApp, more: dict[str, Any], name: str, message: str
) -> None:
    tell(app, "am", webhook(sent() | more))
    assert [(entry["alert_type"], entry["message"]) for entry in listed(app)] == [(name, message)]


def test_the_status_of_a_group_does_not_count(app: TestApp) -> None:
    tell(app, "am", webhook(sent("a"), sent("b", 600, 60), status="resolved"))
    closed_at = {entry["message"]: entry["closed_at"] for entry in listed(app)}
    assert closed_at == {"a is down": None, "b is down": NOW - 60}


def test_resolved_without_a_time_ends_now(app: TestApp) -> None:
    for end in (None, NO_TIME, "1970-01-01T00:00:00Z"):
        document = sent(start=3 * 86400) | {"status": "resolved", "endsAt": end}
        tell(app, "am", webhook(document | {"fingerprint": str(end)}))
    assert times(app) == [(NOW - 3 * 86400, NOW + 30)] * 3


def test_aodh_opens_and_closes(receiving: Api) -> None:
    now = [NOW]
    app = receiving(now, am={"kind": "aodh"})
    tell(app, "am", alarm(), Authorization=f"Bearer {TOKEN}", X_Openstack_Request_Id="req-1")
    now[0] += 60
    for _ in range(2):
        tell(app, "am", alarm("insufficient data"))
        tell(app, "am", alarm())
    assert times(app) == [(NOW, None)]
    (entry,) = listed(app)
    assert (entry["alert_type"], entry["severity"]) == ("cpu_high", "Error")
    assert entry["message"].startswith("Transition to alarm")
    now[0] += 60
    for _ in range(2):
        tell(
            app, "am", alarm("ok"), Authorization=f"Bearer {TOKEN}", X_Openstack_Request_Id="req-3"
        )
    # Late, and again.
    now[0] += 60
    tell(app, "am", alarm(), Authorization=f"Bearer {TOKEN}", X_Openstack_Request_Id="req-1")
    assert times(app) == [(NOW, NOW + 120)]
    now[0] += 3600
    tell(app, "am", alarm())
    assert times(app) == [(NOW, NOW + 120), (NOW + 3780, None)]


def test_an_alarm_that_is_ok_opens_no_alert(app: TestApp) -> None:
    for current in ("ok", "insufficient data"):
        tell(app, "telemetry", alarm(current))
    tell(app, "telemetry", alarm("alarm") | {"severity": "low", "reason": ""})
    assert [(e["severity"], e["message"]) for e in listed(app)] == [("Info", "cpu_high")]


# -- what is refused, and what is not


MALFORMED_BODIES = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"\xff",
    b"{} {}",
    b'{"alerts": NaN}',
    b'{"alerts": ["\\ud800"]}',
    b'{"alerts": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
]


@pytest.mark.parametrize("body", MALFORMED_BODIES, ids=len)
def test_malformed_json_is_refused(app: TestApp, body: bytes) -> None:
    told = BEARER | {"Content-Type": "application/json"}
    assert code(app.post(f"{URL}am/", body, headers=told, status=400)) == "body.invalid"
    assert code(
        app.post(f"{URL}am/", b"{}", headers=BEARER | {"Content-Type": "text/plain"}, status=415)
    )


INVALID_FIELDS: list[dict[str, Any]] = [
    {"startsAt": None},
    {"startsAt": "soon"},
    {"startsAt": "0001-01-01T00:00:00+14:00"},
    {"endsAt": "9999-12-31T23:59:59-14:00"},
    {"status": "suppressed"},
    {"fingerprint": ""},
    {"fingerprint": 5},
    {"labels": []},
    {"labels": {"a": 1}},
    {"annotations": "x"},
]


@pytest.mark.parametrize("wrong", INVALID_FIELDS, ids=str)
def test_one_bad_alert_does_not_spoil_the_good_ones(
    app: TestApp, wrong: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    tell(app, "am", webhook(sent("a"), sent("bad") | wrong, "no alert", sent("b")))
    assert {entry["message"] for entry in listed(app)} == {"a is down", "b is down"}
    assert "receiver am: the sender left out 0 alerts, and 2 cannot be read" in caplog.text
    assert "receiver am: cannot be read: alert 'alert' with fingerprint None: " in caplog.text
    assert code(tell(app, "am", webhook(sent("bad") | wrong), 400)) == "body.invalid"


def test_the_number_of_alerts_that_a_sender_left_out_is_logged(
    app: TestApp, caplog: pytest.LogCaptureFixture
) -> None:
    tell(app, "am", webhook(sent("a"), truncatedAlerts=12))
    assert "receiver am: the sender left out 12 alerts, and 0 cannot be read" in caplog.text


WITHIN_MAXIMUM = f"at most {2**31 - 1}"


@pytest.mark.parametrize(
    ("number", "allowed"),
    [
        (2**31, WITHIN_MAXIMUM),
        (2**63 - 1, WITHIN_MAXIMUM),
        (2**63, WITHIN_MAXIMUM),
        (10**30, "an integer"),
        (0.5, "an integer"),
        ("x", "an integer"),
    ],
)
def test_an_impossible_number_of_left_out_alerts_is_refused(
    app: TestApp, number: Any, allowed: str
) -> None:
    refused = tell(app, "am", webhook(sent(), truncatedAlerts=number), 400)
    assert code(refused) == "body.invalid"
    assert refused.json["errors"][0]["detail"].endswith(f": must be {allowed}")
    assert listed(app) == []


def test_counts_of_a_receiver_end_where_json_does(store: Store, either_receiving: Api) -> None:
    app = either_receiving(am={})
    with store.transaction() as db:
        db.execute(insert(receiver).values(name="am", notifications=5, truncated=2**63 - 1))
    tell(app, "am", webhook(sent(), truncatedAlerts=1))
    (entry,) = app.get(URL).json["receivers"]
    assert (entry["notices"], entry["truncated"]) == (6, 2**53)


@pytest.mark.parametrize(
    "document", [{}, {"alerts": None}, {"alerts": {}}, webhook() | {"truncatedAlerts": -1}, alarm()]
)
def test_rejects_a_body_that_is_no_webhook(app: TestApp, document: dict[str, Any]) -> None:
    assert code(tell(app, "am", document, 400)) == "body.invalid"


@pytest.mark.parametrize("changed", [{"current": "fine"}, {"alarm_id": ""}, {"alarm_id": None}])
def test_rejects_a_body_that_is_no_alarm(app: TestApp, changed: dict[str, Any]) -> None:
    assert code(tell(app, "telemetry", alarm() | changed, 400)) == "body.invalid"
    assert code(tell(app, "telemetry", webhook(sent()), 400)) == "body.invalid"


def test_unknown_fields_are_ignored(app: TestApp) -> None:
    tell(app, "am", webhook(sent() | {"new": [1]}, notification_reason={"x": None}))
    tell(app, "telemetry", alarm(new={}))
    assert len(listed(app)) == 2


def test_a_webhook_without_alerts_is_accepted(app: TestApp) -> None:
    tell(app, "am", webhook())
    assert listed(app) == []


HOSTILE_TEXTS = [
    "a\r\nSet-Cookie: x=1\r\n\r\n",
    "nul\0nul",
    "\x1b[31m\x07",
    "=cmd|'/C calc'!A0",
    "\u202e\u2028\ufeff",
    "'; DROP TABLE alert; --",
    "%_\\",
    "é" * 5000,
]


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_hostile_texts_are_only_texts(either_app: TestApp, text: str) -> None:
    app = either_app
    labels = {"alertname": text, "severity": text, "project_id": text, "cloud": text, text: text}
    alert = sent(text) | {"labels": labels, "annotations": {"summary": text, text: text}}
    for _ in range(2):
        answer = tell(app, "am", webhook(alert, groupKey=text))
        assert "Set-Cookie" not in answer.headers
        tell(app, "telemetry", alarm(alarm_id=text, alarm_name=text, reason=text, severity=text))
    found = app.get("/api/alerts/")
    assert len(found.json["alerts"]) == 2
    kept = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    for entry in found.json["alerts"]:
        assert (entry["alert_type"], entry["message"]) == (kept[:255], kept[:4096])
    mine = next(entry for entry in found.json["alerts"] if entry["source"] == "am")
    assert mine["labels"] == {"cloud": kept[:255], "project_id": kept[:255]}
    assert min(found.body) >= ord(" ")


def test_a_long_label_is_cut_and_a_large_body_refused(app: TestApp) -> None:
    tell(app, "am", webhook(sent(cloud="x" * 2**22, huge="y" * 2**21)))
    assert [entry["labels"] for entry in listed(app)] == [{"cloud": "x" * 255}]
    tell(app, "am", webhook(sent("b", huge="y" * (10 * 2**20))), 413)
    assert len(listed(app)) == 1


@pytest.mark.parametrize(
    "start", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1969-12-31T00:00:00Z"]
)
def test_a_time_that_means_none_is_the_time_of_arrival(either_app: TestApp, start: str) -> None:
    app = either_app
    for status in ("firing", "resolved"):
        tell(app, "am", webhook(sent() | {"startsAt": start, "status": status, "endsAt": start}))
    (entry,) = listed(app)
    assert entry["created_at"] == entry["closed_at"] == NOW + 30
    assert app.get(f"/api/stats/alert/?to={NOW + 31}").json["Error"] == 1


def test_urls_in_a_payload_are_not_fetched(app: TestApp, edge: Any) -> None:
    document = webhook(
        sent() | {"generatorURL": "http://fetch.example/"}, externalURL="http://fetch.example/"
    )
    tell(app, "am", document)
    assert edge.count(lambda _: True) == 0


@pytest.mark.parametrize(
    "spelled", ["2023-11-14T22:13:20+00:00", "2023-11-14T23:13:20+01:00", "2023-11-14T22:13:20"]
)
def test_a_start_may_be_written_in_any_time_zone(app: TestApp, spelled: str) -> None:
    tell(app, "am", webhook(sent() | {"startsAt": "2023-11-14T22:13:20Z"}))
    tell(app, "am", webhook(sent() | {"startsAt": spelled}))
    assert times(app) == [(NOW, None)]
    assert iso(NOW).startswith("2023-11-14T22:13:20")
