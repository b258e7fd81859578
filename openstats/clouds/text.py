"""Texts that clouds give: somebody else's, and to be stored as they are, if they can be."""

from typing import Any


def text(given: Any) -> str:
    """Give a text that every store takes: PostgreSQL knows no NUL, which Keystone lets through.

    Raises:
        TypeError: it is no text.
    """
    if not isinstance(given, str):
        raise TypeError(f"{given!r} instead of a text")
    return given.replace("\0", "\N{REPLACEMENT CHARACTER}")
