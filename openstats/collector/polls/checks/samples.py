"""Samples of the items that a list lacks: if some exist by their ids, the list is cut."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from openstats.errors import CloudError

T = TypeVar("T")


def sample(items: Sequence[T], number: int) -> Sequence[T]:
    """Return at most ``number`` items, evenly spaced: a sorted list may be cut at its end."""
    return items[:: 1 + len(items) // number]


def existing(ids: Sequence[str], number: int, exists: Callable[[str], bool | None]) -> list[str]:
    """Return the ids of a sample that exist; each is requested."""
    return [key for key in sample(ids, number) if exists(key)]


def cut_list(list_name: str, unlisted: Sequence[str], shown_ids: Sequence[str]) -> CloudError:
    """Return the error of a list that leaves out ids although its service shows some of them.

    ``list_name`` ends with the plural noun of the items: "alpha: Nova's list of servers".
    """
    noun = list_name.rpartition(" ")[2]
    return CloudError(
        f"{list_name} is cut: it leaves out {len(unlisted)} of the known {noun}, but "
        f"{', '.join(shown_ids[:5])} can be read by id; previous figures are kept"
    )
