"""What the service says of itself: health, version, and the OpenAPI document, also as a page."""

from functools import cache
from typing import Any

import orjson
from pyramid.response import Response
from pyramid.security import NO_PERMISSION_REQUIRED

from openstats import __version__
from openstats.api.openapi import pages
from openstats.http import answer, errors


def healthcheck(request: Any) -> Response:
    """Return whether this process can do its work, or what keeps it from it."""
    fault = request.registry.health.fault()
    response = _json({"status": fault or "ok"}, 503 if fault else 200)
    response.headers["Cache-Control"] = "no-store"
    if fault:
        response.headers["Retry-After"] = errors.RETRY_AFTER
    return response


def version(request: Any) -> Response:
    """Say what this is, and where its description is."""
    links = [
        {"rel": "describedby", "href": f"{request.script_name}/openapi.json"},
        {"rel": "help", "href": f"{request.script_name}/docs"},
    ]
    return _json({"name": "openstats", "version": __version__, "links": links})


def openapi(request: Any) -> Response:
    """Return the OpenAPI document."""
    return answer.respond(_document(), request.environ)


@cache
def _document() -> dict[str, Any]:
    from openstats.api.openapi.document import document  # noqa: PLC0415 (made once, when somebody asks)

    return document()


def _json(document: Any, status: int = 200) -> Response:
    body = orjson.dumps(document)
    return Response(body=body, status=status, content_type="application/json", charset=None)


PAGES = {"/healthcheck": healthcheck, "/openapi.json": openapi, "/docs": pages.page, "/": version}


def includeme(config: Any) -> None:
    """Add the pages that need no token."""
    for path, view in {**PAGES, "/docs/{tag}/{name}": pages.asset}.items():
        config.add_route(path, f"{path}{{slash:/?}}" if path in PAGES and path != "/" else path)
        for methods in (("GET", "HEAD"), None):
            given = view if methods else _other
            config.add_view(
                given, route_name=path, request_method=methods, permission=NO_PERMISSION_REQUIRED
            )


def _other(request: Any) -> Response:
    return errors.method_not_allowed(request, ("GET", "HEAD"))
