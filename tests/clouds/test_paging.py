"""The pager: it follows links by their markers, and ends where a list does not."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from openstats.clouds.paging import PagedList, Paging, pages
from openstats.errors import CloudError, StoppedError, TruncatedError

HREF = "http://elsewhere.example/v3/things?limit=2&marker="


def nova(items: list[Any], marker: str | None = None) -> dict[str, Any]:
    links = [{"rel": "next", "href": HREF + marker}] if marker is not None else []
    return {"things": items, "things_links": links}


def keystone(items: list[Any], marker: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"things": items, "links": {"next": marker and HREF + marker}} | fields


def things(*ids: str) -> list[dict[str, str]]:
    return [{"id": key} for key in ids]


def read(*bodies: Any, paging: Paging | None = None) -> tuple[list[Any], list[Any]]:
    """Return the items of all pages, and the markers that were asked for."""
    answers, markers = iter(bodies), []

    def fetch(query: dict[str, Any]) -> Any:
        markers.append(query.get("marker"))
        return next(answers)

    paged_list = PagedList("alpha", "its things", "things", fetch)
    return [item for page in pages(paged_list, paging or Paging(2)) for item in page], markers


@pytest.mark.parametrize("service", [nova, keystone])
def test_follows_the_markers_of_links(service: Any) -> None:
    bodies = service(things("a", "b"), "b"), service(things("c", "d"), "x"), service([])
    assert read(*bodies) == (things("a", "b", "c", "d"), [None, "b", "x"])


def test_yields_each_item_once() -> None:
    bodies = nova(things("a", "b"), "b"), nova(things("b", "c"))
    assert read(*bodies)[0] == things("a", "b", "c")


def test_takes_the_last_id_where_the_link_has_no_marker() -> None:
    body = {"things": things("a"), "things_links": [{"rel": "next", "href": "/things"}]}
    assert read(body, nova(things("b"))) == (things("a", "b"), [None, "a"])


REPEATED = {
    "a page that is repeated": [nova(things("a", "b"), "b"), nova(things("a", "b"), "b")],
    "a page that is repeated as the last one": [nova(things("a"), "a"), nova(things("a"))],
    "an empty page that links on": [nova(things("a"), "a"), nova([], "a")],
    "two pages in a circle": [
        keystone(things("a"), "a"),
        keystone(things("b"), "b"),
        keystone(things("a"), "a"),
    ],
}


@pytest.mark.parametrize("bodies", REPEATED.values(), ids=REPEATED)
def test_refuses_a_page_that_adds_nothing(bodies: list[Any]) -> None:
    with pytest.raises(CloudError, match=r"^alpha: its things: page \d has no new items"):
        read(*bodies)


def test_refuses_a_list_without_end() -> None:
    endless = (nova(things(str(number)), str(number)) for number in count())
    with pytest.raises(CloudError, match="its things: more than 5 pages"):
        read(*(next(endless) for _ in range(6)), paging=Paging(1, 5))


def test_refuses_more_items_than_may_be() -> None:
    bodies = [nova(things(str(number)), str(number)) for number in range(4)]
    with pytest.raises(CloudError, match=r"more than 3 items; raise \[collector\] max_items"):
        read(*bodies, paging=Paging(1, items=3))
    assert len(read(*bodies[:3], nova([]), paging=Paging(1, items=3))[0]) == 3


def test_refuses_a_link_without_a_marker() -> None:
    body = {"things": [{}], "things_links": [{"rel": "next", "href": "/things"}]}
    with pytest.raises(CloudError, match="unreadable answer: LookupError a link to a next page"):
        read(body)


@pytest.mark.parametrize(
    "body", [{"things": None}, {"things": 5}, {}, [], {"things": [], "links": 5}]
)
def test_refuses_what_is_no_list(body: Any) -> None:
    with pytest.raises(CloudError, match="its things: unreadable answer"):
        read(body)


def test_a_list_that_says_it_was_cut_is_no_whole_one() -> None:
    bodies = keystone(things("a"), "a", truncated=True), keystone(things("b"), truncated=True)
    with pytest.raises(TruncatedError, match="cut by the service after page 2"):
        read(*bodies)
    assert read(bodies[0], keystone(things("b")))[0] == things("a", "b")


def test_stops_between_two_pages() -> None:
    def stops() -> Iterator[bool]:
        yield False
        yield True

    stopped = stops()
    paging = Paging(1, 5, lambda: next(stopped))
    with pytest.raises(StoppedError, match="stopped before page 2"):
        read(nova(things("a"), "a"), paging=paging)
