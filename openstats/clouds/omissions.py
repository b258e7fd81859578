"""Items of a list that are left out because they cannot be read.

One unreadable item must neither hide the others nor count as absent.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from oslo_log import log

from openstats.clouds.errors import MALFORMED, printable
from openstats.clouds.json_documents import JsonValue

Value = TypeVar("Value")

LOG = log.getLogger(__name__)

MAX_LOGGED = 20
"""The number of items of one list whose reasons are logged."""

MAX_ID_LENGTH, MAX_REASON_LENGTH = 64, 200


@dataclass
class Omissions:
    """The omitted items of a list: their number, and the ids of those that have one.

    ``kind`` is a noun in the singular, such as "server". ``reason`` and ``first_error`` belong to
    the first omitted item. ``read`` counts the items that could be read.
    """

    cloud: str
    kind: str
    ids: set[str] = field(default_factory=set)
    number: int = 0
    reason: str = ""
    read: int = 0
    first_error: Exception | None = None

    @property
    def unnamed(self) -> bool:
        """Whether the ids of some omitted items are unknown."""
        return len(self.ids) < self.number

    def add(self, item: object, error: Exception) -> None:
        """Count an omitted item, and log it unless there are too many."""
        key = item.get("id", item.get("uuid")) if isinstance(item, dict) else None
        key = key if isinstance(key, str) and key else None
        name = key[:MAX_ID_LENGTH] if key else "without an id"
        words = f"{self.kind} {name}: {type(error).__name__} {error}"
        reason = printable(words, MAX_REASON_LENGTH)
        self.number += 1
        self.reason = self.reason or reason
        self.first_error = self.first_error or error
        if key:
            self.ids.add(key)
        if self.number <= MAX_LOGGED:
            LOG.warning("%s: left out: %s", self.cloud, reason)

    def __str__(self) -> str:
        """Return a sentence for the poll's error."""
        return f"{self.cloud}: {self.words}"

    @property
    def words(self) -> str:
        """The sentence without the name of the cloud."""
        if self.number == 1:
            return f"1 {self.kind} cannot be read and is left out: {self.reason}"
        return (
            f"{self.number} {self.kind}s cannot be read and are left out; the first: {self.reason}"
        )

    def refuse_all(self) -> None:
        """Raise the first error if every item was omitted."""
        if self.first_error and not self.read:
            raise self.first_error


def read_items(
    items: Iterable[JsonValue], read_item: Callable[[JsonValue], Value], omissions: Omissions
) -> Iterator[Value]:
    """Yield ``read_item(item)`` for each item; add malformed items to ``omissions``."""
    for item in items:
        try:
            value = read_item(item)
        except MALFORMED as error:
            omissions.add(item, error)
        else:
            omissions.read += 1
            yield value
