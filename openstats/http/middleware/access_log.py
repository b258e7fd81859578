"""What each request leaves in the log: its id in every line, and a line of its own when it ends.

A WSGI layer around everything else, so that refusals of other layers carry the id as well.
"""

import logging
import re
import time
from collections.abc import Callable, Iterable
from typing import Any

from oslo_context import context
from oslo_middleware.request_id import ENV_REQUEST_ID, GLOBAL_REQ_ID, ID_FORMAT

LOG = logging.getLogger(__name__)

HEADER = "X-Openstack-Request-Id"
CALLER = "openstats.caller"
"""Where the environment of a request names its caller, once that is known."""

PROBES = ("/healthcheck", "/healthcheck/")
LINE = '%s %s "%s %s" %s, %s bytes, %.1f ms'

_valid_id = re.compile(ID_FORMAT).fullmatch


def around(app: Any, *, lines: bool, clock: Callable[[], float] = time.monotonic) -> Any:
    """Return an application that answers as ``app`` does, with a request id in all it logs.

    The id of a caller's own request (``X-Openstack-Request-Id``) is logged beside it, as the
    global request id. ``lines``: each request gets a line, at INFO, health checks at DEBUG.
    """

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        began, answer = clock(), Answer(environ, start_response)
        try:
            return app(environ, answer.start)  # type: ignore[no-any-return]
        finally:
            if lines:
                level = logging.DEBUG if environ["PATH_INFO"] in PROBES else logging.INFO
                if LOG.isEnabledFor(level):
                    LOG.log(level, LINE, *_described(environ, answer, 1000 * (clock() - began)))

    return application


class Answer:
    """The answer to one request: signed with its id, remembered by status and length."""

    def __init__(self, environ: dict[str, Any], start_response: Any) -> None:
        caller_id = environ.get("HTTP_X_OPENSTACK_REQUEST_ID", "")
        global_id = caller_id if _valid_id(caller_id) else None
        self.context = context.RequestContext(global_request_id=global_id)
        self.status, self.length = "-", "0"
        self._start_response = start_response
        environ[ENV_REQUEST_ID] = self.context.request_id
        environ[GLOBAL_REQ_ID] = global_id

    def start(self, status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
        """Start the answer, as WSGI's start_response does."""
        self.status = status.partition(" ")[0]
        self.length = next((v for n, v in headers if n.lower() == "content-length"), "0")
        return self._start_response(
            status, [*headers, (HEADER, str(self.context.request_id))], *error
        )


def _described(environ: dict[str, Any], answer: Answer, milliseconds: float) -> tuple[Any, ...]:
    query = environ.get("QUERY_STRING")
    url = f"{environ['PATH_INFO']}?{query}" if query else environ["PATH_INFO"]
    return (
        environ.get("REMOTE_ADDR", "-"),
        environ.get(CALLER, "-"),
        environ["REQUEST_METHOD"],
        # Somebody else's text, and a line of a log is one line.
        url if url.isprintable() else ascii(url)[1:-1],
        answer.status,
        answer.length,
        milliseconds,
    )
