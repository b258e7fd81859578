"""The API without a server: commands call the same views as HTTP requests."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from oslo_config import cfg
from pyramid.request import Request

from openstats.storage.store import Store
from openstats.wsgi.app import make_app

InProcessAnswer = tuple[int, Any, Mapping[str, str]]
"""The status, the document (None if the body is empty) and the headers of a response."""


def sender(
    conf: cfg.ConfigOpts, store: Store, caller: str
) -> Callable[[str, str, object], InProcessAnswer]:
    """Return a function that sends a method, a URL and a document (or None), as an admin.

    ``caller`` is the admin's name in the audit.
    """
    app = make_app(conf, store, trusted=caller)

    def send(method: str, url: str, document: object) -> InProcessAnswer:
        content = b"" if document is None else orjson.dumps(document)
        request = Request.blank(
            url,
            base_url="http://localhost",
            method=method,
            body=content,
            content_type="application/json" if content else "",
        )
        response = request.get_response(app)
        body = orjson.loads(response.body) if response.body else None
        return response.status_int, body, response.headers

    return send
