"""Which granules are read of a source that keeps history, and the batches that come of them.

What a source is asked, and in which language, does not live here.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from openstats.clouds.meters import GRID, LONGEST, Batch, MeterRequest
from openstats.clouds.meters.accumulation import Accumulation, InstanceSet, MeterSums
from openstats.clouds.meters.options import SumOptions
from openstats.errors import CloudError
from openstats.readings import Delta
from openstats.unix_time import DAY, HOUR

SPAN = DAY // 2
"""Seconds of which a source is asked at once: an answer of more might not fit into memory."""

LATE = SPAN - HOUR
"""For so many seconds a granule without sums is looked at again. It is less than a span, so that a
meter that a source lacks costs no call more than one that it has."""


@dataclass(frozen=True)
class Span:
    """Granules from the one that begins at ``begin`` to the one that ends at ``end``.

    In ``recent`` ones the instances that run now tell how many should have reported.
    """

    begin: int
    end: int
    recent: bool


Reader = Callable[[Span], MeterSums | None]
"""Reads one meter; None where the source does not know it."""


def batches(
    request: MeterRequest, options: SumOptions, readers: Mapping[str, Reader]
) -> Iterator[Batch]:
    """Yield what is complete and was not read yet, span by span.

    The first delta of a meter is its beginning, and holds nothing. A granule in which a source has
    nothing of a meter gives no delta of it. A meter that fails is read from there on the next time.

    Raises:
        CloudError: all meters failed; it is the error of the first of them.
    """
    end = (request.now - options.lag) // GRID * GRID
    search = Search.from_cursor(request.cursor, options.mark)
    begins = {name: _begin(request, name, end, search.until(name)) for name in readers}
    instances = InstanceSet(request.running, since=request.now - options.lag - LONGEST)
    meters_read, failures = set(request.last), Failures()
    for span in _spans(min(begins.values(), default=end), end, instances.since):
        accumulations = {}
        for name, read in readers.items():
            unread = replace(span, begin=max(span.begin, begins[name]))
            sums = failures.attempt(name, read, unread) if unread.begin < unread.end else None
            if sums:
                fresh = name not in meters_read
                accumulations[name] = Accumulation(sums, instances, fresh=fresh)
        failures.check(readers)
        search = Search(search.mark, span.begin, failures.behind)
        yield from _batches(accumulations, search, span.end)
        meters_read |= accumulations.keys()
    if failures.errors:
        yield Batch({}, replace(search, searched=end).cursor, failures.text)


@dataclass(frozen=True)
class Search:
    """The time until which a source was searched: of all meters but those that are behind."""

    mark: str
    searched: int = 0
    behind: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def from_cursor(cls, cursor: Mapping[str, Any], mark: str) -> "Search":
        """Return what a cursor says; a new search, if it was left by other options."""
        if cursor.get("mark") != mark:
            return cls(mark)
        return cls(mark, cursor.get("searched", 0), cursor.get("behind", {}))

    def until(self, name: str) -> int:
        """Return the time until which a meter was searched for."""
        return self.behind.get(name, self.searched)

    @property
    def cursor(self) -> dict[str, Any]:
        """The cursor from which the next read goes on."""
        behind = {"behind": dict(self.behind)} if self.behind else {}
        return {"mark": self.mark, "searched": self.searched} | behind


@dataclass
class Failures:
    """The errors of meters, and since when these are behind: each is read until it fails."""

    errors: dict[str, CloudError] = field(default_factory=dict)
    behind: dict[str, int] = field(default_factory=dict)

    def attempt(self, name: str, read: Reader, span: Span) -> MeterSums | None:
        """Return the sums of a meter; None where it fails, or has failed."""
        if name in self.errors:
            return None
        try:
            return read(span)
        except CloudError as error:
            self.errors[name], self.behind[name] = error, span.begin
            return None

    def check(self, names: Collection[str]) -> None:
        """Raise the error of the first meter, where all of them failed."""
        if names and len(self.errors) == len(names):
            raise next(iter(self.errors.values()))

    @property
    def text(self) -> str:
        """The meters that failed, each with its error."""
        return "; ".join(f"{name}: {error}" for name, error in self.errors.items())


def _begin(request: MeterRequest, name: str, end: int, searched: int) -> int:
    """Return the time from which on a meter is to be read."""
    if searched >= end:
        return end
    days = request.options.backfill_days
    first = min((request.now - days * DAY) // GRID * GRID, end - GRID)
    return int(max(request.last.get(name, first), searched - LATE))


def _spans(begin: int, end: int, since: int) -> Iterator[Span]:
    edges = [*range(begin, end, SPAN), end]
    for start, stop in pairwise(edges):
        yield Span(start, stop, stop > since)


def _batches(
    accumulations: Mapping[str, Accumulation], search: Search, end: int
) -> Iterator[Batch]:
    """Yield the batches of a span; with the last of them it has been searched to its end."""
    moments = sorted({at for meter in accumulations.values() for at in meter.moments})
    for at in moments[:-1]:
        yield Batch(_deltas(accumulations, at), search.cursor, dated=True)
    deltas = _deltas(accumulations, moments[-1]) if moments else {}
    yield Batch(deltas, replace(search, searched=end).cursor, dated=True)


def _deltas(accumulations: Mapping[str, Accumulation], at: int) -> dict[str, Delta]:
    return {name: meter.delta(at) for name, meter in accumulations.items() if at in meter.moments}
