"""Response headers: the names of openstats' own, and ETags (RFC 9110, 8.8.3)."""

import hashlib

Headers = list[tuple[str, str]]
"""The names and values of a response's headers, as WSGI wants them."""

COVERAGE, AGE = "X-Openstats-Coverage", "X-Openstats-Age"
"""Headers of every statistic: coverage and age of its figures."""

BASIS, COMPLETE_UNTIL = "X-Openstats-Basis", "X-Openstats-Complete-Until"
"""Further headers of usage."""

GZIP_SUFFIX = "-gzip"


def digest(body: bytes) -> str:
    """Return a hash that identifies the bytes: 32 hexadecimal digits."""
    return hashlib.blake2b(body, digest_size=16).hexdigest()


def etag(body: bytes) -> str:
    """Return the ETag of a body."""
    return f'"{digest(body)}"'


def of_gzip(tag: str) -> str:
    """Return the ETag of the gzip form of a body, given that of its plain form."""
    return f'{tag[:-1]}{GZIP_SUFFIX}"'


def of_plain(tag: str) -> str:
    """Return the ETag of the plain form of a body, given that of either form."""
    suffix = f'{GZIP_SUFFIX}"'
    return tag.removesuffix(suffix) + '"' if tag.endswith(suffix) else tag


def is_none_match(header: str, tag: str) -> bool:
    """Return whether If-None-Match names a tag, or ``*``; weak tags match as well."""
    tags = [name.removeprefix("W/") for name in _tags(header)]
    return tag in tags or "*" in tags


def is_match(header: str, tag: str | None) -> bool:
    """Return whether If-Match names a tag, or ``*``; None, for a missing entry, never matches.

    A weak tag matches nothing, since it does not identify the bytes.
    """
    return tag is not None and bool({tag, "*"} & set(_tags(header)))


def _tags(header: str) -> list[str]:
    """Return the tags of a header; tags of gzip forms become those of the plain forms."""
    return [of_plain(tag.strip()) for tag in header.split(",")]
