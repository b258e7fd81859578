"""The API's description as a page: a script that is packaged shows the OpenAPI document."""

from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from string import Template

from pyramid.httpexceptions import HTTPNotFound
from pyramid.response import Response

from openstats.http import compression
from openstats.http.headers import GZIP_SUFFIX, digest
from openstats.http.request import Request

DIRECTORY = files("openstats.api").joinpath("assets")
ASSETS = {
    "script": ("openapi-explorer/openapi-explorer.min.js", "text/javascript"),
    "amendment": ("page/page.js", "text/javascript"),
    "style": ("page/page.css", "text/css"),
    "icon": ("page/icon.svg", "image/svg+xml"),
}
"""What the page needs: by its name there, the file and its type."""

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    # The script makes elements with styles of their own.
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
REVALIDATED = "no-cache"
IMMUTABLE = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Asset:
    """A file as it is sent."""

    body: bytes
    content_type: str

    @cached_property
    def tag(self) -> str:
        """A hash that these bytes have, and no others."""
        return digest(self.body)

    @cached_property
    def packed(self) -> bytes:
        """These bytes with gzip."""
        return compression.compress(self.body)

    def response(self, request: Request, caching: str) -> Response:
        """Return the response that holds it, 304 where the caller has it already."""
        gzipped = compression.is_wanted(request.environ, len(self.body))
        response = Response(
            body=self.packed if gzipped else self.body,
            content_type=self.content_type,
            charset="utf-8",
            conditional_response=True,
            etag=f"{self.tag}{GZIP_SUFFIX}" if gzipped else self.tag,
        )
        response.headers.update(HEADERS | {"Cache-Control": caching, "Vary": "Accept-Encoding"})
        if gzipped:
            response.headers["Content-Encoding"] = "gzip"
        return response


def page(request: Request) -> Response:
    """Return the page, which names what it needs from where it is: with or without a slash."""
    return _page("../" if request.path_info.endswith("/") else "").response(request, REVALIDATED)


def asset(request: Request) -> Response:
    """Return a file that the page needs; its URL changes when its bytes do."""
    file = _assets().get(request.path_info)
    if file is None:
        raise HTTPNotFound
    return file.response(request, IMMUTABLE)


@cache
def _assets() -> dict[str, Asset]:
    """Return what the page needs, by its path, in the order of ``ASSETS``."""
    assets = {}
    for file, content_type in ASSETS.values():
        content = _read(file, content_type)
        assets[f"/docs/{content.tag}/{file.rpartition('/')[2]}"] = content
    return assets


@cache
def _page(root: str) -> Asset:
    # Relative, so that the page works below a prefix, too.
    urls = dict(zip(ASSETS, (root + path.removeprefix("/") for path in _assets()), strict=True))
    template = Template(DIRECTORY.joinpath("page/index.html").read_text("utf-8"))
    return Asset(template.substitute(urls, root=root).encode(), "text/html")


def _read(file: str, content_type: str) -> Asset:
    return Asset(DIRECTORY.joinpath(file).read_bytes(), content_type)
