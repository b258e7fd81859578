"""The API documentation as a web page: a bundled script renders the OpenAPI document."""

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
"""Assets of the page: file and media type, by the name in the page's template."""

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    # The script creates elements with inline styles.
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
    """A file that can be sent."""

    body: bytes
    content_type: str

    @cached_property
    def tag(self) -> str:
        """A hash of the bytes."""
        return digest(self.body)

    @cached_property
    def packed(self) -> bytes:
        """The bytes, compressed with gzip."""
        return compression.compress(self.body)

    def response(self, request: Request, caching: str) -> Response:
        """Return the response with the file; 304 if the caller has the same bytes already."""
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
    """Return the page; its asset URLs are relative to its own, with or without a slash."""
    return _page("../" if request.path_info.endswith("/") else "").response(request, REVALIDATED)


def asset(request: Request) -> Response:
    """Return an asset of the page; its URL contains a hash of its bytes."""
    file = _assets().get(request.path_info)
    if file is None:
        raise HTTPNotFound
    return file.response(request, IMMUTABLE)


@cache
def _assets() -> dict[str, Asset]:
    """Return the assets of the page by path, in the order of ``ASSETS``."""
    assets = {}
    for file, content_type in ASSETS.values():
        content = _read(file, content_type)
        assets[f"/docs/{content.tag}/{file.rpartition('/')[2]}"] = content
    return assets


@cache
def _page(root: str) -> Asset:
    # Relative URLs, so that the page also works behind a path prefix.
    urls = dict(zip(ASSETS, (root + path.removeprefix("/") for path in _assets()), strict=True))
    template = Template(DIRECTORY.joinpath("page/index.html").read_text("utf-8"))
    return Asset(template.substitute(urls, root=root).encode(), "text/html")


def _read(file: str, content_type: str) -> Asset:
    return Asset(DIRECTORY.joinpath(file).read_bytes(), content_type)
