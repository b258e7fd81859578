"""URLs that need no token: health, version, and the OpenAPI document as JSON and as a page."""

from collections.abc import Callable
from functools import cache
from typing import Any

import orjson
from pyramid.config import Configurator
from pyramid.response import Response
from pyramid.security import NO_PERMISSION_REQUIRED

from openstats import __version__
from openstats.api.openapi import pages
from openstats.http import answer, errors
from openstats.http.request import READ_METHODS, Request


def healthcheck(request: Request) -> Response:
    """Return the health of this process: 200, or 503 with the first fault."""
    fault = request.registry.health.fault()
    response = _json({"status": fault or "ok"}, 503 if fault else 200)
    response.headers["Cache-Control"] = "no-store"
    if fault:
        response.headers["Retry-After"] = errors.RETRY_AFTER
    return response


def version(request: Request) -> Response:
    """Return name and version of the service, with links to its description."""
    links = [
        {"rel": "describedby", "href": f"{request.script_name}/openapi.json"},
        {"rel": "help", "href": f"{request.script_name}/docs"},
    ]
    return _json({"name": "openstats", "version": __version__, "links": links})


def openapi(request: Request) -> Response:
    """Return the OpenAPI document."""
    return answer.respond(_document(), request.environ)


@cache
def _document() -> dict[str, Any]:
    from openstats.api.openapi.document import document  # noqa: PLC0415 (made once, when somebody asks)

    return document()


def _json(document: object, status: int = 200) -> Response:
    body = orjson.dumps(document)
    return Response(body=body, status=status, content_type="application/json", charset=None)


PAGES = {"/healthcheck": healthcheck, "/openapi.json": openapi, "/docs": pages.page, "/": version}
ASSET = "/docs/{tag}/{name}"


def includeme(config: Configurator) -> None:
    """Add the URLs that need no token."""
    for path, view in PAGES.items():
        _add(config, path, path if path == "/" else f"{path}{{slash:/?}}", view)
    _add(config, ASSET, ASSET, pages.asset)


def _add(
    config: Configurator, name: str, pattern: str, view: Callable[[Request], Response]
) -> None:
    config.add_route(name, pattern)
    config.add_view(
        view, route_name=name, request_method=READ_METHODS, permission=NO_PERMISSION_REQUIRED
    )
    errors.refuse_other_methods(config, name, READ_METHODS)
