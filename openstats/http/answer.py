"""Rendering of responses: JSON, ETags, caching and coverage headers; and preconditions.

The view of a statistic takes parameters and returns an ``Answer``; this module does the rest.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar
from wsgiref.types import WSGIEnvironment

import orjson
from pyramid.response import Response

from openstats.errors import IncompleteError
from openstats.http import compression
from openstats.http.errors import PreconditionError
from openstats.http.headers import (
    AGE,
    COMPLETE_UNTIL,
    COVERAGE,
    etag,
    is_match,
    is_none_match,
    of_gzip,
)
from openstats.http.parameters.query import parse
from openstats.http.parameters.statistics import StatisticParameters
from openstats.http.request import READ_METHODS, Request
from openstats.model import Coverage

VARY = "X-Auth-Token, Authorization, Cookie, Accept, Origin"
CACHING = "private, no-cache"

P = TypeVar("P", bound=StatisticParameters)


@dataclass(frozen=True, slots=True)
class Answer:
    """A statistic's document and its coverage.

    ``unobserved`` describes the requested time that was not fully observed; empty if there is
    none. Usage determines it only for strict requests.
    """

    document: object
    coverage: Coverage
    headers: dict[str, str] = field(default_factory=dict)
    unobserved: str = ""


def statistic_view(
    view: Callable[[Request, P], Answer], parameters: type[P]
) -> Callable[[Request], Response]:
    """Return a Pyramid view that parses the parameters and renders the answer of ``view``."""

    def parsed_view(request: Request) -> Response:
        values = parse(parameters, request.query_string)
        return render(view(request, values), request.environ, strict=values.strict, now=request.now)

    return parsed_view


def render(answer: Answer, environ: WSGIEnvironment, *, strict: bool, now: int) -> Response:
    """Return the response to a statistic; 304 if the caller already has the same bytes.

    Raises:
        IncompleteError: ``strict`` is set, and some figures are unknown.
    """
    if strict:
        _check_complete(answer)
    headers = [*_coverage_headers(answer.coverage, now), *answer.headers.items()]
    return respond(answer.document, environ, headers)


def _check_complete(answer: Answer) -> None:
    if not answer.coverage.complete:
        raise IncompleteError(
            f"only {_shares(answer.coverage)} are known: ask again later, or without strict"
        )
    if answer.unobserved:
        until = answer.headers.get(COMPLETE_UNTIL)
        limit = f", until {until} at most" if until else ""
        raise IncompleteError(
            f"{answer.unobserved}: ask without strict, or for time that was observed{limit}"
        )


def _coverage_headers(coverage: Coverage, now: int) -> list[tuple[str, str]]:
    headers = [(COVERAGE, _shares(coverage))]
    if coverage.oldest is not None:
        headers.append((AGE, str(max(0, now - coverage.oldest))))
    return headers


def _shares(coverage: Coverage) -> str:
    tenants = f"tenants={coverage.tenants_known}/{coverage.tenants}"
    return f"{tenants} clouds={coverage.clouds_known}/{coverage.clouds}"


def respond(
    document: object,
    environ: WSGIEnvironment,
    headers: Iterable[tuple[str, str]] = (),
    *,
    status: int = 200,
) -> Response:
    """Return the response that holds a document; ``environ`` is that of the request.

    The status is 304 if the caller already has the same bytes. The body is compressed if the
    caller accepts gzip and the body is long.
    """
    body = orjson.dumps(document)
    plain_tag = tag = etag(body)
    vary = VARY
    gzipped = compression.is_wanted(environ, len(body))
    if gzipped:
        tag, vary = of_gzip(tag), f"{VARY}, Accept-Encoding"
    head = [("ETag", tag), ("Cache-Control", CACHING), ("Vary", vary), *headers]
    if _is_held(environ, plain_tag):
        return Response(status=304, headerlist=head)
    if gzipped:
        body = compression.compress(body)
        head.append(("Content-Encoding", "gzip"))
    head += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    return Response(status=status, app_iter=[body], headerlist=head)


def _is_held(environ: WSGIEnvironment, tag: str) -> bool:
    """Return whether this is a read whose If-None-Match names the tag."""
    if_none_match = environ.get("HTTP_IF_NONE_MATCH")
    is_read = environ["REQUEST_METHOD"] in READ_METHODS
    return bool(is_read and if_none_match and is_none_match(if_none_match, tag))


def check_preconditions(
    document: object, *, if_match: str | None, if_none_match: str | None
) -> None:
    """Check the stored document (None: there is none) against the preconditions of a write.

    Raises:
        PreconditionError: the document does not satisfy If-Match or If-None-Match.
    """
    tag = None if document is None else etag(orjson.dumps(document))
    if if_match is not None and not is_match(if_match, tag):
        state = f"the ETag of the entry is {tag}" if tag else "the entry does not exist"
        raise PreconditionError(f"If-Match: {state}")
    if if_none_match is not None and tag and is_none_match(if_none_match, tag):
        raise PreconditionError(f"If-None-Match: the ETag of the entry is {tag}")
