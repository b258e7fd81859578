"""Which granules are read of a source that keeps history, and the windows that come of them.

What a source is asked, and in which language, does not live here.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from openstats.clouds.meters import GRID, LONGEST, Asked, Window
from openstats.clouds.meters.accumulation import Fleet, Ledger, Sums
from openstats.clouds.meters.options import Summing
from openstats.errors import CloudError
from openstats.readings import Tick
from openstats.unix_time import DAY, HOUR

SPAN = DAY // 2
"""Seconds of which a source is asked at once: an answer of more might not fit into memory."""

LATE = SPAN - HOUR
"""For so many seconds a granule in which nothing was is looked at again. It is less than a span,
so that a meter that a source lacks costs no call more than one that it has."""


@dataclass(frozen=True)
class Span:
    """Granules from the one that begins at ``begin`` to the one that ends at ``end``.

    In ``recent`` ones the instances that run now tell how many should have reported.
    """

    begin: int
    end: int
    recent: bool


Reader = Callable[[Span], Sums | None]
"""Reads one meter; None where the source does not know it."""


def windows(asked: Asked, options: Summing, readers: Mapping[str, Reader]) -> Iterator[Window]:
    """Read what is complete and was not read yet, span by span.

    The first tick of a meter is its beginning, and holds nothing. A granule in which a source has
    nothing of a meter gives no tick of it. A meter that fails is read from there on the next time.

    Raises:
        CloudError: all meters failed; it is what the first of them failed with.
    """
    end = (asked.now - options.lag) // GRID * GRID
    search = Search.of(asked.cursor, options.mark)
    begins = {name: _begin(asked, name, end, search.until(name)) for name in readers}
    fleet = Fleet(asked.running, since=asked.now - options.lag - LONGEST)
    begun, failures = set(asked.last), Failures()
    for span in _spans(min(begins.values(), default=end), end, fleet.since):
        ledgers = {}
        for name, read in readers.items():
            mine = replace(span, begin=max(span.begin, begins[name]))
            sums = failures.tried(name, read, mine) if mine.begin < mine.end else None
            if sums:
                ledgers[name] = Ledger(sums, fleet, fresh=name not in begun)
        failures.check(readers)
        search = Search(search.mark, span.begin, failures.behind)
        yield from _windows(ledgers, search, span.end)
        begun |= ledgers.keys()
    if failures.errors:
        yield Window({}, replace(search, searched=end).cursor, failures.text)


@dataclass(frozen=True)
class Search:
    """Until when a source was searched, all meters alike but for those that are behind."""

    mark: str
    searched: int = 0
    behind: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, cursor: Mapping[str, Any], mark: str) -> "Search":
        """Return what a cursor says; nothing, if it was left by other options."""
        if cursor.get("mark") != mark:
            return cls(mark)
        return cls(mark, cursor.get("searched", 0), cursor.get("behind", {}))

    def until(self, name: str) -> int:
        """Return until when a meter was searched for."""
        return self.behind.get(name, self.searched)

    @property
    def cursor(self) -> dict[str, Any]:
        """What the next read has to know."""
        behind = {"behind": dict(self.behind)} if self.behind else {}
        return {"mark": self.mark, "searched": self.searched} | behind


@dataclass
class Failures:
    """What meters failed with, and since when they are behind: each is tried until it fails."""

    errors: dict[str, CloudError] = field(default_factory=dict)
    behind: dict[str, int] = field(default_factory=dict)

    def tried(self, name: str, read: Reader, span: Span) -> Sums | None:
        """Read a meter, unless it has failed."""
        if name in self.errors:
            return None
        try:
            return read(span)
        except CloudError as error:
            self.errors[name], self.behind[name] = error, span.begin
            return None

    def check(self, names: Collection[str]) -> None:
        """Raise what the first meter failed with, where all of them did."""
        if names and len(self.errors) == len(names):
            raise next(iter(self.errors.values()))

    @property
    def text(self) -> str:
        """Which meters failed, and with what."""
        return "; ".join(f"{name}: {error}" for name, error in self.errors.items())


def _begin(asked: Asked, name: str, end: int, searched: int) -> int:
    """Return from when on a meter is to be read."""
    if searched >= end:
        return end
    days = asked.options.backfill_days
    first = min((asked.now - days * DAY) // GRID * GRID, end - GRID)
    return int(max(asked.last.get(name, first), searched - LATE))


def _spans(begin: int, end: int, since: int) -> Iterator[Span]:
    edges = [*range(begin, end, SPAN), end]
    for start, stop in pairwise(edges):
        yield Span(start, stop, stop > since)


def _windows(ledgers: Mapping[str, Ledger], search: Search, end: int) -> Iterator[Window]:
    """Return the windows of a span; with the last of them it has been searched to its end."""
    moments = sorted({at for ledger in ledgers.values() for at in ledger.moments})
    for at in moments[:-1]:
        yield Window(_ticks(ledgers, at), search.cursor, dated=True)
    ticks = _ticks(ledgers, moments[-1]) if moments else {}
    yield Window(ticks, replace(search, searched=end).cursor, dated=True)


def _ticks(ledgers: Mapping[str, Ledger], at: int) -> dict[str, Tick]:
    return {name: ledger.tick(at) for name, ledger in ledgers.items() if at in ledger.moments}
