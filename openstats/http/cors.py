"""Cross-origin requests (CORS), by oslo.middleware: which web pages may call from a browser."""

from wsgiref.types import WSGIApplication

from oslo_config import cfg
from oslo_middleware import cors

from openstats.http import request_id
from openstats.http.headers import AGE, BASIS, COMPLETE_UNTIL, COVERAGE

cors.set_defaults(
    allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
    allow_headers=[
        "X-Auth-Token",
        "Content-Type",
        "If-Match",
        "If-None-Match",
        request_id.HEADER,
    ],
    expose_headers=[
        "ETag",
        "Link",
        "Location",
        "Retry-After",
        request_id.HEADER,
        COVERAGE,
        AGE,
        BASIS,
        COMPLETE_UNTIL,
    ],
    allow_credentials=False,
)


def allow_origins(app: WSGIApplication, conf: cfg.ConfigOpts) -> WSGIApplication:
    """Return an application wrapped in oslo.middleware's CORS, if [cors] allows any origin."""
    conf.register_opts(cors.CORS_OPTS, "cors")
    return cors.CORS(app, conf) if conf.cors.allowed_origin else app


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return the group [cors], with the defaults set here, for oslo-config-generator."""
    return [("cors", cors.CORS_OPTS)]
