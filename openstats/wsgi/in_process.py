"""The API without a server: commands call the same views as HTTP requests."""

from collections.abc import Callable
from typing import Any

import orjson
from oslo_config import cfg
from pyramid.request import Request

from openstats.storage.store import Store
from openstats.wsgi.app import make_app


def sender(conf: cfg.ConfigOpts, store: Store, caller: str) -> Callable[[str, str, Any], Any]:
    """Return a function that sends a method, a URL and a document (or None), as an admin.

    It returns the status, the document (None if the body is empty) and the headers. ``caller`` is
    the admin's name in the audit.
    """
    app = make_app(conf, store, trusted=caller)

    def send(method: str, url: str, document: Any) -> tuple[int, Any, Any]:
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
