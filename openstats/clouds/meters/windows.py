"""Which granules are read of a source that keeps history, and the windows that come of them.

What a source is asked, and in which language, does not live here.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from openstats.clouds.meters import GRID, LONGEST, Asked, Window
from openstats.clouds.meters.ledger import Fleet, Ledger, Sums
from openstats.clouds.meters.options import Summing
from openstats.readings import Tick

DAY = 86400
SPAN = DAY // 2
"""Seconds of which a source is asked at once: an answer of more might not fit into memory."""

LATE = SPAN - 3600
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
    nothing of a meter gives no tick of it.
    """
    end = (asked.now - options.lag) // GRID * GRID
    cursor = asked.cursor if asked.cursor.get("mark") == options.mark else {}
    begins = {name: _begin(asked, name, end, cursor.get("searched", 0)) for name in readers}
    fleet = Fleet(asked.running, since=asked.now - options.lag - LONGEST)
    begun = set(asked.last)
    for span in _spans(min(begins.values(), default=end), end, fleet.since):
        ledgers = {}
        for name, read in readers.items():
            mine = replace(span, begin=max(span.begin, begins[name]))
            if mine.begin < mine.end and (sums := read(mine)):
                ledgers[name] = Ledger(sums, fleet, fresh=name not in begun)
        yield from _windows(ledgers, options.mark, span)
        begun |= ledgers.keys()


def _begin(asked: Asked, name: str, end: int, searched: int) -> int:
    """Tell from when on a meter is to be read."""
    if searched >= end:
        return end
    days = asked.options.backfill_days
    first = min((asked.now - days * DAY) // GRID * GRID, end - GRID)
    return int(max(asked.last.get(name, first), searched - LATE))


def _spans(begin: int, end: int, since: int) -> Iterator[Span]:
    edges = [*range(begin, end, SPAN), end]
    for start, stop in pairwise(edges):
        yield Span(start, stop, stop > since)


def _windows(ledgers: Mapping[str, Ledger], mark: str, span: Span) -> Iterator[Window]:
    """Give the windows of a span; with the last of them all of it has been searched."""
    moments = sorted({at for ledger in ledgers.values() for at in ledger.moments})
    for at in moments[:-1]:
        yield Window(_ticks(ledgers, at), {"mark": mark, "searched": span.begin}, dated=True)
    ticks = _ticks(ledgers, moments[-1]) if moments else {}
    yield Window(ticks, {"mark": mark, "searched": span.end}, dated=True)


def _ticks(ledgers: Mapping[str, Ledger], at: int) -> dict[str, Tick]:
    return {name: ledger.tick(at) for name, ledger in ledgers.items() if at in ledger.moments}
