"""The access log: one line per request, and the request id in every line that it causes.

This is the outermost layer of ``make_app``, so that refusals of other layers carry the id as well.
CORS and the headers of proxies are outside of it.
"""

import logging
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from openstats.http.headers import Headers
from openstats.http.request import CALLER
from openstats.http.request_id import HEADER, assign

if TYPE_CHECKING:
    from _typeshed import OptExcInfo

LOG = logging.getLogger(__name__)

PROBES = ("/healthcheck", "/healthcheck/")
LINE = '%s %s "%s %s" %s, %s bytes, %.1f ms'


def log_requests(
    app: WSGIApplication, *, lines: bool, clock: Callable[[], float] = time.monotonic
) -> WSGIApplication:
    """Return an application that wraps ``app`` and puts a request id into everything it logs.

    The id that the caller sends (``X-Openstack-Request-Id``) is logged beside it, as the global
    request id. With ``lines``, each request gets a line at INFO, a health check one at DEBUG.
    """

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began, head = clock(), ResponseHead(assign(environ), start_response)
        try:
            return app(environ, head.start)
        finally:
            if lines:
                level = logging.DEBUG if environ["PATH_INFO"] in PROBES else logging.INFO
                if LOG.isEnabledFor(level):
                    LOG.log(level, LINE, *_fields(environ, head, 1000 * (clock() - began)))

    return application


class ResponseHead:
    """The head of a response: adds the request id, and remembers the status and the length."""

    def __init__(self, request_id: str, start_response: StartResponse) -> None:
        self.request_id = request_id
        self.status, self.length = "-", "0"
        self._start_response = start_response

    def start(
        self, status: str, headers: Headers, exc_info: "OptExcInfo | None" = None, /
    ) -> Callable[[bytes], object]:
        """Start the response, as WSGI's start_response does."""
        self.status = status.partition(" ")[0]
        lengths = (value for name, value in headers if name.lower() == "content-length")
        self.length = next(lengths, "0")
        signed_headers = [*headers, (HEADER, self.request_id)]
        return self._start_response(status, signed_headers, exc_info)


def _fields(
    environ: WSGIEnvironment, head: ResponseHead, milliseconds: float
) -> tuple[object, ...]:
    query = environ.get("QUERY_STRING")
    url = f"{environ['PATH_INFO']}?{query}" if query else environ["PATH_INFO"]
    return (
        environ.get("REMOTE_ADDR", "-"),
        environ.get(CALLER, "-"),
        environ["REQUEST_METHOD"],
        # The URL is untrusted, and must not break the log line.
        url if url.isprintable() else ascii(url)[1:-1],
        head.status,
        head.length,
        milliseconds,
    )
