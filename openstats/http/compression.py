"""gzip: who takes it, what is worth it, and the tag of bytes that are sent so."""

import gzip
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from webob.acceptparse import create_accept_encoding_header

WORTH = 1024
"""Bytes of a body from which on it is made smaller: below, a packet is a packet."""

SUFFIX = "-gzip"
LEVEL = 1
"""The fastest: of JSON it leaves an eighth, and the thread is needed for other callers."""


def wanted(environ: Mapping[str, Any], size: int) -> bool:
    """Return whether a body of so many bytes is to be sent with gzip to whoever asks."""
    return size >= WORTH and _accepts(environ.get("HTTP_ACCEPT_ENCODING", "")[:256])


@lru_cache(maxsize=64)
def _accepts(header: str) -> bool:
    """Return whether gzip is named, and nothing else is more welcome."""
    parsed = create_accept_encoding_header(header).parsed or ()
    welcome = {coding.lower(): quality for coding, quality in parsed}
    return bool(0 < welcome.get("gzip", 0) >= welcome.get("identity", 0))


def packed(body: bytes) -> bytes:
    """Return the same bytes for the same body, whenever it is asked for."""
    return gzip.compress(body, LEVEL, mtime=0)


def tag_of(tag: str) -> str:
    """Return the ETag that a body with this one has when it is sent with gzip."""
    return f'{tag[:-1]}{SUFFIX}"'


def plain(tag: str) -> str:
    """Return the ETag of the same body when it is sent without gzip."""
    return tag.removesuffix(f'{SUFFIX}"') + '"' if tag.endswith(f'{SUFFIX}"') else tag
