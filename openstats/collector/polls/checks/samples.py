"""Samples of the items that a list lacks, to be requested by their ids."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def sample(items: Sequence[T], number: int) -> Sequence[T]:
    """Return at most ``number`` items, evenly spaced: a sorted list may be cut at its end."""
    return items[:: 1 + len(items) // number]
