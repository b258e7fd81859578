"""Names that clouds choose, over HTTP: data in a document, and nothing else anywhere."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from webtest import TestApp

from openstats.api.routes import RESOURCES
from openstats.storage.store import Store
from tests import hostile
from tests.api.listening import listening, replies
from tests.hostile import MARK, NAMES
from tests.registry import KEYSTONE

STATISTICS = [
    f"resource/?auth_url={KEYSTONE}",
    "customer/?with=uuid",
    "creation-time/?type=project",
    *(f"quota/?each=true&aggregate={kind}" for kind in ("customer", "project_group", "project")),
    *(f"alert/?each=true&aggregate={kind}" for kind in ("customer", "project_group", "project")),
    *(f"usage/?item=memory&aggregate={kind}" for kind in ("customer", "project_group", "project")),
]
URLS = [f"/api/stats/{query}" for query in STATISTICS]
URLS += [f"/api/{resource.name}/?limit=1000" for resource in RESOURCES]
NAMED = [url for url in URLS if not any(word in url for word in ("resource", "time", "clouds"))]


@pytest.fixture(scope="module")
def attacked(backend: Any, app_on: Callable[[Store], Any]) -> Iterator[TestApp]:
    with backend.store() as store:
        with store.transaction() as db:
            hostile.fill(db)
        yield TestApp(app_on(store))


def texts(document: Any) -> set[str]:
    """Give all texts in a document."""
    if isinstance(document, dict):
        return texts(list(document.values()))
    if isinstance(document, list):
        return set().union(*map(texts, document))
    return {document} if isinstance(document, str) else set()


def inert(answer: Any) -> None:
    """No header carries a name, and no control character is in the document as it is."""
    assert MARK not in repr(answer.headerlist)
    assert answer.headers["Content-Type"] == "application/json"
    assert min(answer.body) >= ord(" ")


@pytest.mark.parametrize("url", URLS)
def test_names_are_only_in_documents(attacked: TestApp, url: str) -> None:
    answer = attacked.get(url)
    inert(answer)
    if "/grants/" not in url and "/audit/" not in url and url in NAMED:
        assert set(NAMES) <= texts(answer.json)
    head = attacked.head(url)
    assert MARK not in repr(head.headerlist)


@pytest.mark.parametrize("kind", ["customers", "project-groups", "projects", "tenants"])
def test_a_name_finds_itself_and_nothing_else(attacked: TestApp, kind: str) -> None:
    for name in NAMES:
        answer = attacked.get(f"/api/{kind}/?name={quote(name, safe='')}", status="*")
        inert(answer)
        assert answer.status_int == 200, answer.text
        assert [entry["name"] for entry in answer.json[kind.replace("-", "_")]] == [name]


def test_volume_types_have_the_names_that_the_cloud_gave_them(attacked: TestApp) -> None:
    entries = attacked.get("/api/tenants/?limit=1000").json["tenants"]
    unknown = {"limit": None, "in_use": None}
    figures = {"volumes": {"limit": -1, "in_use": 0}, "snapshots": unknown, "storage": unknown}
    assert {entry["name"] for entry in entries} == set(NAMES)
    for entry in entries:
        assert entry["quota"]["volume_types"] == {entry["name"]: figures}


def test_a_name_that_is_asked_for_does_not_come_back_as_it_is(attacked: TestApp) -> None:
    for name in NAMES:
        spelled = quote(name, safe="")
        for url in (
            f"/api/stats/quota/?uuid={spelled}",
            f"/api/stats/resource/?auth_url={spelled}",
            f"/api/stats/quota/?{spelled}=1",
            f"/api/customers/{spelled}/",
            f"/{spelled}",
        ):
            answer = attacked.get(url, status="4*")
            assert MARK not in repr(answer.headerlist)
            assert all(error["detail"].isprintable() for error in answer.json["errors"]), url


def test_an_own_object_by_a_hostile_uuid_has_a_location_that_is_ours(attacked: TestApp) -> None:
    for name in NAMES:
        url = f"/api/customers/{quote(name, safe='')}/"
        answer = attacked.put_json(url, {"name": "x"}, status="4*")
        assert "Location" not in answer.headers


def test_on_the_wire_there_is_one_answer(attacked: TestApp, options: Callable[..., Any]) -> None:
    with listening(attacked.app, options) as port:
        for url in URLS:
            raw = f"GET {url} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
            (reply,) = replies(port, raw)
            assert "set-cookie" not in reply.headers
            json.loads(reply.body)
