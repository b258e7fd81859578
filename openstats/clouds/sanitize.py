"""Strings that clouds send: checked, and converted so that every database can store them.

Numbers are checked in ``figures``.
"""

from collections.abc import Iterable

from openstats.names import MAX_LENGTH, storable

UUID_LENGTH, ID_LENGTH, NAME_LENGTH = 36, 64, MAX_LENGTH
"""Lengths of the store's columns, in characters; OpenStack's columns are not longer."""

MAX_NAMES = 200
"""The number of names that are stored if a cloud may have any number of them."""


def clean(value: object, longest: int = NAME_LENGTH) -> str:
    """Return a string that every database can store.

    Raises:
        TypeError: the value is not a string.
        ValueError: it has more than ``longest`` characters.
    """
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a string")
    if len(value) > longest:
        raise ValueError(f"{len(value)} characters instead of {longest} at most: {value[:20]!r}")
    return storable(value)


def device_name(value: object) -> str:
    """Return the name of a block device without ``/dev/``: Nova and Cinder differ in this."""
    return clean(value, ID_LENGTH).removeprefix("/dev/")


def first_names(names: Iterable[str]) -> list[str]:
    """Return the first ``MAX_NAMES`` names in alphabetical order."""
    return sorted(names)[:MAX_NAMES]
