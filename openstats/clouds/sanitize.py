"""Texts that clouds give: somebody else's, and to be stored as they are, if they can be."""

from collections.abc import Iterable
from typing import Any

from openstats.names import LONGEST, storable

UUID, ID, NAME = 36, 64, LONGEST
"""How long the store's columns are; OpenStack's are no longer."""

MOST = 200
"""Names that are kept of what a cloud may have any number of, where they share one column."""


def text(given: Any, longest: int = NAME) -> str:
    """Return a text that every store takes.

    Raises:
        TypeError: it is no text.
        ValueError: it is longer than any such text of OpenStack.
    """
    if not isinstance(given, str):
        raise TypeError(f"{given!r} instead of a text")
    if len(given) > longest:
        raise ValueError(f"{len(given)} characters instead of {longest} at most: {given[:20]!r}")
    return storable(given)


def device(given: Any) -> str:
    """Return the name of a block device without its folder: Nova and Cinder differ in that."""
    return text(given, ID).removeprefix("/dev/")


def few(given: Iterable[str]) -> list[str]:
    """Give names in order, and of too many the first ones."""
    return sorted(given)[:MOST]
