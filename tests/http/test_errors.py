"""What errors say: in the caller's script and in JSON's words, not in Python's."""

from typing import Any
from urllib.parse import quote

import pytest
from webtest import TestApp

from tests.api.world import UNKNOWN
from tests.registry import KEYSTONE

PYTHON = ("\\x", "None", "{'", "True", "False", "dictionary", "instance of", "Bad Request: ")


def details(answer: Any) -> list[str]:
    found = [f"{error['title']}: {error['detail']}" for error in answer.json["errors"]]
    for text in found:
        assert not [word for word in PYTHON if word in text], text
    return [error["detail"] for error in answer.json["errors"]]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (f"/api/stats/resource/?auth_url={KEYSTONE}&region=Zürich", "region=Zürich: "),
        ("/api/stats/quota/?aggregate=übung", "aggregate=übung: "),
        ("/api/stats/quota/?größe=1", "größe: unknown parameter"),
        ("/api/stats/usage/?item=株式会社", "item=株式会社: "),
        ("/api/projects/?limit=zwölf", "limit=zwölf: must be an integer"),
        ("/api/customers/Müller/", "uuid=Müller: "),
        ("/api/stats/alert/?from=übermorgen", "from=übermorgen: "),
    ],
)
def test_a_text_is_shown_in_its_own_script(filled_app: TestApp, url: str, told: str) -> None:
    (detail,) = details(filled_app.get(quote(url, safe="/?&=:"), status=400))
    assert detail.startswith(told)


@pytest.mark.parametrize(
    ("kind", "body", "told"),
    [
        ("customers", {"name": None}, "name=null: must be a string"),
        ("customers", {"name": {"customer": None}}, 'name={"customer": null}: must be a string'),
        ("customers", {"name": ["ü", True]}, 'name=["ü", true]: must be a string'),
        ("customers", {"name": "x", "created_at": True}, "created_at=true: must be an integer"),
        ("customers", {"name": "x", "created_at": {}}, "created_at={}: must be an integer"),
        ("projects", {"name": "x", "customer": None}, "customer=null: must be a string"),
        ("alerts", {"severity": None, "alert_type": "t", "message": "m"}, "severity=null: "),
        ("grants", {"role": "owner", "subject": "j", "scope": None}, "scope=null: must be a JSON"),
        ("grants", {"role": "owner", "subject": "j", "scope": {}}, "scope={}: must have exactly"),
        (
            "grants",
            {"role": "owner", "subject": "j", "scope": {"customer": UNKNOWN, "project": UNKNOWN}},
            f'scope={{"customer": "{UNKNOWN}", ',
        ),
    ],
)
def test_a_value_is_shown_as_json(filled_app: TestApp, kind: str, body: Any, told: str) -> None:
    (detail,) = details(filled_app.post_json(f"/api/{kind}/", body, status=400))
    assert detail.startswith(told)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "the body is empty; it must be a JSON object"),
        (b"[1]", "body=[1]: must be a JSON object"),
        (b"{", "the body is not valid JSON: unexpected end of data: line 1 column 2 (char 1)"),
    ],
)
def test_a_body_must_be_a_json_object(empty_app: TestApp, body: bytes, detail: str) -> None:
    answer = empty_app.post("/api/customers/", body, content_type="application/json", status=400)
    assert details(answer) == [detail]
