"""One pager for all lists of clouds: it follows their links, and ends where a list does not.

What the items of a list mean is read elsewhere.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from openstats.clouds.errors import translated
from openstats.clouds.figures import Row
from openstats.errors import CloudError, StoppedError, TruncatedError

Query = dict[str, Any]
FetchPage = Callable[[Query], Row]


def never() -> bool:
    """Return False: nobody stops the list."""
    return False


@dataclass(frozen=True)
class Paging:
    """How lists are read: the size of a page, the most pages and items, and whether to stop."""

    size: int = 1000
    pages: int = 10_000
    stopped: Callable[[], bool] = never
    items: int = 75_000


USUAL = Paging()


@dataclass(frozen=True)
class PagedList:
    """A list of a cloud: ``fetch`` returns the body of a page, ``key`` is where its items are."""

    cloud: str
    call: str
    key: str
    fetch: FetchPage


def pages(paged_list: PagedList, paging: Paging, query: Query | None = None) -> Iterator[list[Any]]:
    """Yield the items page by page, each item once.

    Raises:
        TruncatedError: the service says that it cut the list, and links to no further page.
        StoppedError: the collector is stopping.
        CloudError: a page adds nothing new (it is repeated, or its marker is ignored), or there
            are more pages or items than may be.
    """
    page_query: Query = (query or {}) | {"limit": paging.size}
    digests: set[int] = set()
    total = 0
    for number in range(1, paging.pages + 1):
        if paging.stopped():
            raise StoppedError(f"{_name(paged_list)}: stopped before page {number}")
        with translated(paged_list.cloud, paged_list.call):
            body = paged_list.fetch(page_query)
            items = body[paged_list.key]
            new_items = [item for item in items if _is_new(item, digests)]
            marker = _next_marker(body, paged_list.key, items)
        if (items or marker) and not new_items and number > 1:
            raise _repeated(paged_list, number)
        total += len(new_items)
        if total > paging.items:
            raise _too_long(paged_list, f"{paging.items} items", "max_items")
        yield new_items
        if not marker:
            _refuse_cut(paged_list, body, number)
            return
        page_query["marker"] = marker
    raise _too_long(paged_list, f"{paging.pages} pages", "max_pages or page_size")


def _name(paged_list: PagedList) -> str:
    return f"{paged_list.cloud}: {paged_list.call}"


def _repeated(paged_list: PagedList, number: int) -> CloudError:
    return CloudError(
        f"{_name(paged_list)}: page {number} shows nothing that the pages before did not show: the "
        "list repeats itself, or ignores its marker; nothing is deleted for it"
    )


def _too_long(paged_list: PagedList, bound: str, options: str) -> CloudError:
    return CloudError(
        f"{_name(paged_list)}: more than {bound}; raise [collector] {options} if the cloud is that "
        "large"
    )


def _is_new(item: object, digests: set[int]) -> bool:
    """Return whether no page had an item yet; one without an id cannot be told from others."""
    key = _id(item)
    if key is None:
        return True
    # Hashes take a third of the memory of ids.
    digest = hash(key)
    if digest in digests:
        return False
    digests.add(digest)
    return True


def _id(item: object) -> str | None:
    key = item.get("id") if isinstance(item, dict) else None
    return key if isinstance(key, str) else None


def _next_marker(body: Row, key: str, items: list[Any]) -> str | None:
    """Return the marker of the next page, or None; the URL of the link is never asked.

    Raises:
        LookupError: there is a next page, and no marker for it.
    """
    link = _next_link(body, key)
    if link is None:
        return None
    markers = parse_qs(urlsplit(link).query).get("marker")
    marker = markers[0] if markers else _id(items[-1])
    if not marker:
        raise LookupError(f"a link to a next page without a marker: {link[:80]!r}")
    return marker


def _next_link(body: Row, key: str) -> str | None:
    """Return the link to the next page: Nova and Cinder's (``NAME_links``), or Keystone's."""
    for link in body.get(f"{key}_links") or []:
        if link.get("rel") == "next":
            return str(link["href"])
    return (body.get("links") or {}).get("next")


def _refuse_cut(paged_list: PagedList, body: Row, number: int) -> None:
    if body.get("truncated"):
        raise TruncatedError(
            f"{_name(paged_list)}: cut by the service after page {number}, without a link to the "
            "rest; raise its list_limit"
        )
