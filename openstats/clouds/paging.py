"""One pager for all lists of clouds: it follows their links, and ends where a list does not.

What the items of a list mean is read elsewhere.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from openstats.clouds.errors import translated
from openstats.errors import CloudError, StoppedError, TruncatedError

Query = dict[str, Any]
Ask = Callable[[Query], Mapping[str, Any]]


def never() -> bool:
    """Return False: nobody stops the list."""
    return False


@dataclass(frozen=True)
class Paging:
    """How lists are read: items asked for in a page, pages and items at most, whether to go on."""

    size: int = 1000
    pages: int = 10_000
    stopped: Callable[[], bool] = never
    items: int = 75_000


USUAL = Paging()


@dataclass(frozen=True)
class PagedList:
    """A list of a cloud: ``ask`` returns the body of a page, ``key`` is where its items are."""

    cloud: str
    call: str
    key: str
    ask: Ask


def pages(whole: PagedList, paging: Paging, query: Query | None = None) -> Iterator[list[Any]]:
    """Yield the items page by page, each item once.

    Raises:
        TruncatedError: the service says that it cut the list, and links to no further page.
        StoppedError: the collector is stopping.
        CloudError: a page adds nothing new (it is repeated, or its marker is ignored), or there
            are more pages or items than may be.
    """
    asked: Query = (query or {}) | {"limit": paging.size}
    seen: set[int] = set()
    total = 0
    for number in range(1, paging.pages + 1):
        if paging.stopped():
            raise StoppedError(f"{whole.cloud}: {whole.call}: stopped before page {number}")
        with translated(whole.cloud, whole.call):
            body = whole.ask(asked)
            items = body[whole.key]
            fresh = [item for item in items if _is_new(item, seen)]
            marker = _next_marker(body, whole.key, items)
        if (items or marker) and not fresh and number > 1:
            raise _repeated(whole, number)
        total += len(fresh)
        if total > paging.items:
            raise _too_long(whole, f"{paging.items} items", "max_items")
        yield fresh
        if not marker:
            _refuse_cut(whole, body, number)
            return
        asked["marker"] = marker
    raise _too_long(whole, f"{paging.pages} pages", "max_pages or page_size")


def _repeated(whole: PagedList, number: int) -> CloudError:
    return CloudError(
        f"{whole.cloud}: {whole.call}: page {number} shows nothing that the pages before did not "
        "show: the list repeats itself, or ignores its marker; nothing is deleted for it"
    )


def _too_long(whole: PagedList, bound: str, options: str) -> CloudError:
    return CloudError(
        f"{whole.cloud}: {whole.call}: more than {bound}; raise [collector] {options} if the cloud "
        "is that large"
    )


def _is_new(item: Any, seen: set[int]) -> bool:
    """Return whether an item was not seen; one without an id cannot be told from others."""
    key = _id(item)
    if key is None:
        return True
    # Hashes take a third of the memory of ids.
    digest = hash(key)
    if digest in seen:
        return False
    seen.add(digest)
    return True


def _id(item: Any) -> str | None:
    key = item.get("id") if isinstance(item, dict) else None
    return key if isinstance(key, str) else None


def _next_marker(body: Mapping[str, Any], key: str, items: list[Any]) -> str | None:
    """Return the marker of the next page, or None; where the link points to is never asked.

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


def _next_link(body: Mapping[str, Any], key: str) -> str | None:
    """Return the link as Keystone has it (``links.next``), or Nova and Cinder (``NAME_links``)."""
    links = body.get(f"{key}_links") or []
    hrefs = [link["href"] for link in links if link.get("rel") == "next"]
    keystone = (body.get("links") or {}).get("next")
    return next(iter(hrefs), keystone)


def _refuse_cut(whole: PagedList, body: Mapping[str, Any], number: int) -> None:
    if body.get("truncated"):
        raise TruncatedError(
            f"{whole.cloud}: {whole.call}: cut by the service after page {number}, without a link "
            "to the rest; raise its list_limit"
        )
