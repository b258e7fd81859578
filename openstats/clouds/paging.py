"""Paging for all lists of clouds: follows links to further pages, and detects endless lists.

The items are read elsewhere.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from openstats.clouds.errors import translated
from openstats.clouds.json_documents import JsonObject, JsonValue
from openstats.errors import CloudError, StoppedError, TruncatedError

QueryParameters = Mapping[str, str | int]
FetchPage = Callable[[QueryParameters], JsonObject]


def never() -> bool:
    """Return False: the default for lists that are never stopped."""
    return False


@dataclass(frozen=True)
class Paging:
    """Options for reading lists: the page size, the largest number of pages and items, and a stop.

    ``stopped`` returns whether to abort the list.
    """

    size: int = 1000
    pages: int = 10_000
    stopped: Callable[[], bool] = never
    items: int = 75_000


DEFAULT_PAGING = Paging()


@dataclass(frozen=True)
class PagedList:
    """A list of a cloud: ``fetch`` returns the body of a page, with the items under ``key``."""

    cloud: str
    call: str
    key: str
    fetch: FetchPage


def pages(
    paged_list: PagedList, paging: Paging, query: QueryParameters | None = None
) -> Iterator[list[JsonValue]]:
    """Yield the items page by page, each item once.

    Raises:
        TruncatedError: the service reports a cut list without a link to a further page.
        StoppedError: the collector is stopping.
        CloudError: a page has no new items (it is repeated, or its marker is ignored), or there
            are more pages or items than ``paging`` allows.
    """
    page_query: dict[str, str | int] = {**(query or {}), "limit": paging.size}
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
        f"{_name(paged_list)}: page {number} has no new items: the list repeats itself, or the "
        "service ignores the marker; previous figures are kept"
    )


def _too_long(paged_list: PagedList, bound: str, options: str) -> CloudError:
    return CloudError(
        f"{_name(paged_list)}: more than {bound}; raise [collector] {options} if the cloud is that "
        "large"
    )


def _is_new(item: object, digests: set[int]) -> bool:
    """Return whether an item was on no page yet; an item without an id always counts as new."""
    key = _id(item)
    if key is None:
        return True
    # Hashes need a third of the memory of ids.
    digest = hash(key)
    if digest in digests:
        return False
    digests.add(digest)
    return True


def _id(item: object) -> str | None:
    key = item.get("id") if isinstance(item, dict) else None
    return key if isinstance(key, str) else None


def _next_marker(body: JsonObject, key: str, items: list[JsonValue]) -> str | None:
    """Return the marker of the next page, or None; the link's URL itself is never requested.

    Raises:
        LookupError: there is a link to a next page, but no marker.
    """
    link = _next_link(body, key)
    if link is None:
        return None
    markers = parse_qs(urlsplit(link).query).get("marker")
    marker = markers[0] if markers else _id(items[-1])
    if not marker:
        raise LookupError(f"a link to a next page without a marker: {link[:80]!r}")
    return marker


def _next_link(body: JsonObject, key: str) -> str | None:
    """Return the link to the next page: in ``KEY_links`` (Nova, Cinder) or ``links`` (Keystone)."""
    for link in body.get(f"{key}_links") or []:
        if link.get("rel") == "next":
            return str(link["href"])
    return (body.get("links") or {}).get("next")


def _refuse_cut(paged_list: PagedList, body: JsonObject, number: int) -> None:
    if body.get("truncated"):
        raise TruncatedError(
            f"{_name(paged_list)}: cut by the service after page {number}, without a link to the "
            "rest; raise its list_limit"
        )
