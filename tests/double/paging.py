"""Pages of a sorted list by limit and marker, and the link to the next one."""

import bisect
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from tests.double.web import Request, ServiceError


def limit(query: Mapping[str, str], highest: int) -> int:
    """Read the page size: what is asked for, at most what the service allows."""
    asked = query.get("limit", str(highest))
    if not asked.isdecimal():
        raise ServiceError(400, f"Invalid input for query parameters limit. Value: {asked}")
    return min(int(asked), highest)


def page(
    items: Sequence[Any], size: int, key: Callable[[Any], Any], marker: Any = None
) -> Sequence[Any]:
    """At most `size` items that come behind the marker, which itself need not be among them."""
    begin = 0 if marker is None else bisect.bisect_right(items, key(marker), key=key)
    return items[begin : begin + size]


def next_link(request: Request, path: str, marker: str) -> list[dict[str, str]]:
    """Link to what comes behind the page that ends with `marker`."""
    query = urlencode({**request.query, "marker": marker})
    return [{"rel": "next", "href": f"{request.url}{path}?{query}"}]
