"""Items of lists: those that can be read, and those that are left out, each by its id.

One item that nobody can read must not hide all others; nor does it count as absent.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from oslo_log import log

from openstats.clouds.errors import MALFORMED, printable

T = TypeVar("T")

LOG = log.getLogger(__name__)

LOGGED = 20
"""Items of one list whose reasons are logged."""

LONGEST_ID, LONGEST_REASON = 64, 200


@dataclass
class Omissions:
    """What was left out of a list: ids (those that could be read), and how many in all.

    ``kind`` names an item, as in "server"; ``reason`` is why the first one was left out.
    """

    cloud: str
    kind: str
    ids: set[str] = field(default_factory=set)
    number: int = 0
    reason: str = ""
    read: int = 0
    first: Exception | None = None

    @property
    def unnamed(self) -> bool:
        """Whether it is not known of all of them which ones they are."""
        return len(self.ids) < self.number

    def add(self, item: Any, error: Exception) -> None:
        """Leave an item out."""
        key = item.get("id", item.get("uuid")) if isinstance(item, dict) else None
        name = key[:LONGEST_ID] if isinstance(key, str) and key else "without an id"
        words = f"{self.kind} {name}: {type(error).__name__} {error}"
        reason = printable(words, LONGEST_REASON)
        self.number += 1
        self.reason, self.first = self.reason or reason, self.first or error
        if isinstance(key, str) and key:
            self.ids.add(key)
        if self.number <= LOGGED:
            LOG.warning("%s: left out: %s", self.cloud, reason)

    def __str__(self) -> str:
        """Return a sentence for the poll's error."""
        return f"{self.cloud}: {self.words}"

    @property
    def words(self) -> str:
        """The same without the cloud."""
        return (
            f"{self.number} {self.kind}s cannot be read and are left out; the first: {self.reason}"
        )

    def refuse_all(self) -> None:
        """Raise what the first item was left out for, if there were items and none was read."""
        if self.first and not self.read:
            raise self.first


def read_items(items: Iterable[Any], one: Callable[[Any], T], omissions: Omissions) -> Iterator[T]:
    """Yield what ``one`` makes of each item; what it raises for an item leaves that one out."""
    for item in items:
        try:
            value = one(item)
        except MALFORMED as error:
            omissions.add(item, error)
        else:
            omissions.read += 1
            yield value
