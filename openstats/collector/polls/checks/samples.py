"""Samples: of many items that a list does not show, a few are asked for by their ids."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def sample(items: Sequence[T], number: int) -> Sequence[T]:
    """Return about so many of the items, evenly spread: lists are sorted, and cut at their end."""
    return items[:: 1 + len(items) // number]
