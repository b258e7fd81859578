"""Support for a reverse proxy: the headers that it sets, and Location headers behind it."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from oslo_config import cfg
from oslo_middleware import http_proxy_to_wsgi

from openstats.http.headers import Headers

if TYPE_CHECKING:
    from _typeshed import OptExcInfo

GROUP = "oslo_middleware"


def trust_proxy(app: WSGIApplication, conf: cfg.ConfigOpts) -> WSGIApplication:
    """Return an application wrapped in oslo.middleware's HTTPProxyToWSGI, if that is enabled.

    It takes scheme, host, client and path prefix from the headers of the proxy. It is disabled by
    default, because a client that bypasses the proxy could forge these headers.
    """
    conf.register_opts(http_proxy_to_wsgi.OPTS, GROUP)
    enabled = conf[GROUP].enable_proxy_headers_parsing
    return _pathwise(http_proxy_to_wsgi.HTTPProxyToWSGI(app, conf) if enabled else app)


def _pathwise(app: WSGIApplication) -> WSGIApplication:
    """Return an application whose Location headers are paths without scheme and host.

    WebOb adds the scheme and host that it sees behind the proxy. A client that followed such an
    ``http://`` URL would send its token unencrypted.
    """

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(
            status: str, headers: Headers, exc_info: "OptExcInfo | None" = None, /
        ) -> Callable[[bytes], object]:
            paths = [(name, _path(name, value)) for name, value in headers]
            return start_response(status, paths, exc_info)

        return app(environ, start)

    return application


def _path(name: str, value: str) -> str:
    return urlsplit(value).path if name.lower() == "location" else value
