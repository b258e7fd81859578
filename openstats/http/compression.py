"""gzip: who takes it, and what is worth it."""

import gzip
from functools import lru_cache
from wsgiref.types import WSGIEnvironment

from webob.acceptparse import create_accept_encoding_header

WORTH = 1024
"""Bytes of a body from which on it is made smaller: below, a packet is a packet."""

LEVEL = 1
"""The fastest: of JSON it leaves an eighth, and the thread is needed for other callers."""


def is_wanted(environ: WSGIEnvironment, size: int) -> bool:
    """Return whether a body of so many bytes is to be sent with gzip to whoever asks."""
    return size >= WORTH and _accepts(environ.get("HTTP_ACCEPT_ENCODING", "")[:256])


@lru_cache(maxsize=64)
def _accepts(header: str) -> bool:
    """Return whether gzip is named, and nothing else is more welcome."""
    parsed = create_accept_encoding_header(header).parsed or ()
    qualities = {coding.lower(): quality for coding, quality in parsed}
    return bool(0 < qualities.get("gzip", 0) >= qualities.get("identity", 0))


def compress(body: bytes) -> bytes:
    """Return the same bytes for the same body, whenever it is asked for."""
    return gzip.compress(body, LEVEL, mtime=0)
