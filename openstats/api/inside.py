"""The API asked from inside: what commands answer comes from the very views that HTTP has."""

from typing import Any

import orjson
from pyramid.request import Request

from openstats.api.app import make_app
from openstats.storage.store import Store


def ask(conf: Any, store: Store, url: str) -> tuple[int, Any, dict[str, str]]:
    """Ask for a URL, as an admin of this machine, and give status, document and headers."""
    request = Request.blank(url, base_url="http://localhost")
    response = request.get_response(make_app(conf, store, trusted=True))
    return response.status_int, orjson.loads(response.body), dict(response.headers)
