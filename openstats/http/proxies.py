"""What a proxy in front changes: what it says of a request, and where answers point to."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from oslo_config import cfg
from oslo_middleware import http_proxy_to_wsgi

GROUP = "oslo_middleware"


def trust_proxy(app: WSGIApplication, conf: cfg.ConfigOpts) -> WSGIApplication:
    """Put oslo.middleware's HTTPProxyToWSGI around an application, if it is enabled.

    It takes scheme, host, client and path prefix from the headers of the proxy. Whoever reaches
    openstats past the proxy could forge them: they are not looked at by default.
    """
    conf.register_opts(http_proxy_to_wsgi.OPTS, GROUP)
    enabled = conf[GROUP].enable_proxy_headers_parsing
    return _pathwise(http_proxy_to_wsgi.HTTPProxyToWSGI(app, conf) if enabled else app)


def _pathwise(app: WSGIApplication) -> WSGIApplication:
    """Have every Location be a path.

    WebOb puts scheme and host before it, as they look behind a proxy: a client that followed
    ``http://`` would send its token in clear.
    """

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            return start_response(status, [(n, _path(n, value)) for n, value in headers], *error)

        return app(environ, start)

    return application


def _path(name: str, value: str) -> str:
    return urlsplit(value).path if name.lower() == "location" else value
