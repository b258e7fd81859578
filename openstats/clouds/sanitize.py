"""Texts that clouds send: checked, and made such that every store takes them.

What figures may be is in ``figures``.
"""

from collections.abc import Iterable

from openstats.names import LONGEST, storable

UUID, ID, NAME = 36, 64, LONGEST
"""Lengths of the store's columns, in characters; OpenStack's are no longer."""

MOST = 200
"""Names that are kept where a cloud may have any number of them, and they share one column."""


def clean(value: object, longest: int = NAME) -> str:
    """Return a text that every store takes.

    Raises:
        TypeError: it is no text.
        ValueError: it is longer than any such text of OpenStack.
    """
    if not isinstance(value, str):
        raise TypeError(f"{value!r} instead of a text")
    if len(value) > longest:
        raise ValueError(f"{len(value)} characters instead of {longest} at most: {value[:20]!r}")
    return storable(value)


def device_name(value: object) -> str:
    """Return the name of a block device without its directory: Nova and Cinder differ in that."""
    return clean(value, ID).removeprefix("/dev/")


def first_names(names: Iterable[str]) -> list[str]:
    """Return the first ``MOST`` names in alphabetical order."""
    return sorted(names)[:MOST]
