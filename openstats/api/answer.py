"""An answer on its way out: bytes, what is known of it, and how caches may treat it."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

import orjson
from pyramid.response import Response

from openstats.errors import IncompleteError
from openstats.model import Coverage

VARY = "X-Auth-Token, Authorization, Cookie, Accept, Origin"
CACHING = "private, no-cache"


@dataclass(frozen=True, slots=True)
class Answer:
    """A statistic's document, and how much of what it is about is known."""

    document: Any
    coverage: Coverage
    headers: dict[str, str] = field(default_factory=dict)


def render(answer: Answer, *, strict: bool, now: int, if_none_match: str | None) -> Response:
    """Make the response to a statistic, 304 where the caller has the same bytes already.

    Raises:
        IncompleteError: something is not known, and ``strict`` asked for everything.
    """
    if strict and not answer.coverage.complete:
        raise IncompleteError(f"known are {_covered(answer.coverage)}")
    body = orjson.dumps(answer.document)
    etag = f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
    headers = [
        ("ETag", etag),
        ("Cache-Control", CACHING),
        ("Vary", VARY),
        *_known(answer.coverage, now),
    ]
    headers += answer.headers.items()
    if if_none_match and _matches(if_none_match, etag):
        return Response(status=304, headerlist=headers)
    headers += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    return Response(app_iter=[body], headerlist=headers)


def _covered(coverage: Coverage) -> str:
    tenants = f"tenants={coverage.tenants_known}/{coverage.tenants}"
    return f"{tenants} clouds={coverage.clouds_known}/{coverage.clouds}"


def _known(coverage: Coverage, now: int) -> list[tuple[str, str]]:
    headers = [("X-Openstats-Coverage", _covered(coverage))]
    if coverage.oldest is not None:
        headers.append(("X-Openstats-Age", str(max(0, now - coverage.oldest))))
    return headers


def _matches(if_none_match: str, etag: str) -> bool:
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in tags or "*" in tags
