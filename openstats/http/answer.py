"""An answer on its way out: bytes, what is known of it, and how caches may treat it."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from pyramid.response import Response

from openstats.errors import IncompleteError
from openstats.http import compression
from openstats.http.errors import PreconditionError
from openstats.model import Coverage

VARY = "X-Auth-Token, Authorization, Cookie, Accept, Origin"
CACHING = "private, no-cache"


@dataclass(frozen=True, slots=True)
class Answer:
    """A statistic's document, and how much of what it is about is known.

    ``unobserved`` says which time is asked about that was not all observed; usage looks for it
    where the request is strict.
    """

    document: Any
    coverage: Coverage
    headers: dict[str, str] = field(default_factory=dict)
    unobserved: str = ""


def render(answer: Answer, environ: Mapping[str, Any], *, strict: bool, now: int) -> Response:
    """Make the response to a statistic, 304 where the caller has the same bytes already.

    Raises:
        IncompleteError: something is not known, and ``strict`` asked for everything.
    """
    if strict and not answer.coverage.complete:
        raise IncompleteError(
            f"only {_covered(answer.coverage)} are known: ask again later, or without strict"
        )
    if strict and answer.unobserved:
        until = answer.headers.get("X-Openstats-Complete-Until")
        raise IncompleteError(
            f"{answer.unobserved}: ask without strict, or for time that was observed"
            + (f", until {until} at most" if until else "")
        )
    known = [*_known(answer.coverage, now), *answer.headers.items()]
    return respond(answer.document, environ, known)


def respond(
    document: Any,
    environ: Mapping[str, Any],
    headers: Iterable[tuple[str, str]] = (),
    *,
    status: int = 200,
) -> Response:
    """Return the response that holds a document; ``environ`` is that of the request.

    It is 304 where the caller has the same bytes already, and made smaller where they take gzip.
    """
    body = orjson.dumps(document)
    tag = _tag(body)
    gzipped = compression.wanted(environ, len(body))
    variant, vary = (
        (compression.tag_of(tag), f"{VARY}, Accept-Encoding") if gzipped else (tag, VARY)
    )
    listed = [("ETag", variant), ("Cache-Control", CACHING), ("Vary", vary), *headers]
    if _has_it(environ, tag):
        return Response(status=304, headerlist=listed)
    if gzipped:
        body = compression.packed(body)
        listed.append(("Content-Encoding", "gzip"))
    listed += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    return Response(status=status, app_iter=[body], headerlist=listed)


def _has_it(environ: Mapping[str, Any], tag: str) -> bool:
    """Return whether a caller who reads has the bytes of a tag already."""
    if_none_match = environ.get("HTTP_IF_NONE_MATCH")
    reading = environ["REQUEST_METHOD"] in ("GET", "HEAD")
    return bool(reading and if_none_match and _matches(if_none_match, tag))


def check_preconditions(document: Any, *, if_match: str | None, if_none_match: str | None) -> None:
    """Hold what is there (None: nothing) against what who writes believes to be there.

    Raises:
        PreconditionError: it is something else.
    """
    tag = None if document is None else _tag(orjson.dumps(document))
    # A weak tag does not say that the bytes are the same.
    if if_match is not None and not (tag and {tag, "*"} & set(_tags(if_match))):
        raise PreconditionError(f"If-Match: there is {tag or 'nothing'}")
    if if_none_match is not None and tag and _matches(if_none_match, tag):
        raise PreconditionError(f"If-None-Match: there is {tag}")


def _tag(body: bytes) -> str:
    return f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'


def _tags(header: str) -> list[str]:
    """Return the tags of a header; gzip leaves what they say of an entry as it is."""
    return [compression.plain(tag.strip()) for tag in header.split(",")]


def _covered(coverage: Coverage) -> str:
    tenants = f"tenants={coverage.tenants_known}/{coverage.tenants}"
    return f"{tenants} clouds={coverage.clouds_known}/{coverage.clouds}"


def _known(coverage: Coverage, now: int) -> list[tuple[str, str]]:
    headers = [("X-Openstats-Coverage", _covered(coverage))]
    if coverage.oldest is not None:
        headers.append(("X-Openstats-Age", str(max(0, now - coverage.oldest))))
    return headers


def _matches(if_none_match: str, etag: str) -> bool:
    tags = [tag.removeprefix("W/") for tag in _tags(if_none_match)]
    return etag in tags or "*" in tags
