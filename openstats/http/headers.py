"""Headers of answers: what ours are called; and ETags, which name the bytes (RFC 9110, 8.8.3)."""

import hashlib

COVERAGE, AGE = "X-Openstats-Coverage", "X-Openstats-Age"
"""What all statistics tell of their figures."""

BASIS, COMPLETE_UNTIL = "X-Openstats-Basis", "X-Openstats-Complete-Until"
"""What usage tells beside them."""

GZIP_SUFFIX = "-gzip"


def digest(body: bytes) -> str:
    """Return what tells these bytes from all others."""
    return hashlib.blake2b(body, digest_size=16).hexdigest()


def etag(body: bytes) -> str:
    """Return the ETag of a body."""
    return f'"{digest(body)}"'


def of_gzip(tag: str) -> str:
    """Return the ETag that a body with this one has when it is sent with gzip."""
    return f'{tag[:-1]}{GZIP_SUFFIX}"'


def of_plain(tag: str) -> str:
    """Return the ETag of the same body when it is sent without gzip."""
    suffix = f'{GZIP_SUFFIX}"'
    return tag.removesuffix(suffix) + '"' if tag.endswith(suffix) else tag


def is_none_match(header: str, tag: str) -> bool:
    """Return whether If-None-Match names a tag, or all; weak tags are compared as well."""
    tags = [name.removeprefix("W/") for name in _tags(header)]
    return tag in tags or "*" in tags


def is_match(header: str, tag: str | None) -> bool:
    """Return whether If-Match names the tag of what there is; of nothing (None) there is none.

    A weak tag does not say that the bytes are the same: it matches none.
    """
    return tag is not None and bool({tag, "*"} & set(_tags(header)))


def _tags(header: str) -> list[str]:
    """Return the tags of a header; gzip leaves what they say of an entry as it is."""
    return [of_plain(tag.strip()) for tag in header.split(",")]
