"""Pages: whatever is a list can be read in pieces, which together are the whole."""

from typing import Any
from urllib.parse import urljoin

import pytest
from webob.headers import ResponseHeaders
from webtest import TestApp

from tests.api.world import UNKNOWN

STATISTICS = [
    "/api/stats/usage/?item=memory&aggregate=project&with=uuid",
    "/stats/customer?with=uuid",
    "/api/stats/quota/?each=true&aggregate=project",
    "/api/stats/quota?each=true&aggregate=project_group",
    "/api/stats/alert/?each=true&aggregate=project",
    "/api/stats/alert/?each=true&interval=hour&to=1700000000",
]


def next_of(headers: ResponseHeaders) -> str | None:
    link = headers.get("Link")
    if link is None:
        return None
    reference, relation = link.split(";")
    assert relation.strip() == 'rel="next"'
    return reference.strip("<>")


def walked(client: TestApp, url: str) -> list[Any]:
    """Follow the links, as a browser resolves them, to the last page."""
    pages = []
    while url:
        answer = client.get(url)
        pages.append(answer.json)
        following = next_of(answer.headers)
        url = urljoin(f"http://localhost{url}", following) if following else ""
        url = url.removeprefix("http://localhost")
    return pages


@pytest.mark.parametrize("url", STATISTICS)
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_of_a_statistic_are_the_whole(filled_app: TestApp, url: str, limit: int) -> None:
    whole = filled_app.get(url)
    assert "Link" not in whole.headers
    pages = walked(filled_app, f"{url}&limit={limit}")
    assert [entry for page in pages for entry in page] == whole.json
    assert {len(page) for page in pages[:-1]} <= {limit}
    assert 1 <= len(pages[-1]) <= limit


@pytest.mark.parametrize("statistic", ["quota", "alert"])
@pytest.mark.parametrize("name", ["limit=1", f"marker={UNKNOWN}"])
def test_one_sum_has_no_pages(filled_app: TestApp, statistic: str, name: str) -> None:
    answer = filled_app.get(f"/api/stats/{statistic}/?{name}", status=400)
    assert answer.json["errors"][0]["detail"].startswith(f"{name.partition('=')[0]}: ")


@pytest.mark.parametrize("kind", ["projects", "tenants", "customers"])
def test_pages_of_a_list_are_the_whole(filled_app: TestApp, kind: str) -> None:
    whole = filled_app.get(f"/api/{kind}/").json[kind]
    pages = walked(filled_app, f"/api/{kind}?limit=1")
    assert [page[kind][0] for page in pages] == whole
    assert ["links" in page for page in pages] == [True] * (len(pages) - 1) + [False]


def test_a_link_keeps_what_was_asked(filled_app: TestApp) -> None:
    query = "item=memory&aggregate=project&from=2023-11-14T20:00&tz=Asia/Tokyo&fill=null&limit=1"
    reference = next_of(filled_app.get(f"/api/stats/usage/?{query}").headers)
    assert reference is not None
    assert "tz=Asia%2FTokyo" in reference
    assert "from=2023-11-14T20%3A00" in reference


def test_a_link_keeps_names_in_any_script(writable_app: TestApp) -> None:
    for _ in range(2):
        writable_app.post_json("/api/customers/", {"name": "Übung 株式会社"})
    # As clients send it that escape nothing.
    raw = "name=Übung%20株式会社&limit=1".encode().decode("latin-1")
    request = writable_app.RequestClass.blank("/api/customers/")
    request.environ["QUERY_STRING"] = raw
    answer = writable_app.do_request(request)
    reference = next_of(answer.headers)
    assert reference is not None
    (entry,) = writable_app.get(f"/api/customers/{reference}").json["customers"]
    assert entry["name"] == "Übung 株式会社"
    assert entry != answer.json["customers"][0]


@pytest.mark.parametrize("url", [*STATISTICS, "/api/customers/?limit=10"])
@pytest.mark.parametrize("name", ["aaa, before all others", "zzz, behind all others", None])
def test_a_marker_that_is_not_visible_is_none(
    writable_app: TestApp, url: str, name: str | None
) -> None:
    """Otherwise, by what comes behind it, one could tell what its name is."""
    mine = writable_app.post_json("/api/customers/", {"name": "mine"}).json["uuid"]
    writable_app.post_json(
        "/api/grants/", {"subject": "jane", "role": "owner", "scope": {"customer": mine}}
    )
    marker = UNKNOWN
    if name:
        marker = writable_app.post_json("/api/customers/", {"name": name}).json["uuid"]
    url = url.replace("aggregate=project_group", "aggregate=customer")
    url = url.replace("aggregate=project", "aggregate=customer")
    answer = writable_app.get(f"{url}&on_behalf_of=jane&marker={marker}", status=400)
    (error,) = answer.json["errors"]
    assert error["detail"] == f"marker={marker}: must be the UUID of an entry of this list"
    writable_app.get(f"{url}&on_behalf_of=jane&marker={mine}", status=200)
