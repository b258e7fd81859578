"""Batches of a source that keeps history: which granules to read, and in which order.

Queries belong in the module of the source.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

from openstats.clouds.json_documents import JsonObject
from openstats.clouds.meters import GRID, REPORT_VALIDITY, Batch, MeterRequest
from openstats.clouds.meters.accumulation import Accumulation, InstanceSet, MeterSums
from openstats.clouds.meters.options import SumOptions
from openstats.errors import CloudError
from openstats.readings import Delta
from openstats.unix_time import DAY, HOUR

SPAN = DAY // 2
"""Seconds that one query covers: the response to a longer one might not fit into memory."""

LATE_SUMS = SPAN - HOUR
"""Granules without sums are read again for this many seconds. This is less than a span, so that a
meter that the source lacks costs no additional call."""


@dataclass(frozen=True)
class Span:
    """The granules between ``begin`` and ``end`` (Unix seconds).

    If a span is ``recent``, the running instances tell how many should have reported.
    """

    begin: int
    end: int
    recent: bool


Reader = Callable[[Span], MeterSums | None]
"""Returns the sums of one meter; None if the source does not have it."""


def batches(
    request: MeterRequest, options: SumOptions, readers: Mapping[str, Reader]
) -> Iterator[Batch]:
    """Yield the complete granules that were not read yet, span by span.

    The first delta of a meter is empty and marks its beginning. A granule without sums of a meter
    has no delta of it. After a failure, the next read of that meter continues there.

    Raises:
        CloudError: all meters failed; the error is that of the first one.
    """
    end = (request.now - options.lag) // GRID * GRID
    search = Search.from_cursor(request.cursor, options.mark)
    begins = {name: _begin(request, name, end, search.until(name)) for name in readers}
    instances = InstanceSet(request.running, since=request.now - options.lag - REPORT_VALIDITY)
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
    """The Unix time until which a source was searched, and earlier times of meters that failed.

    ``mark`` identifies the options of the search.
    """

    mark: str
    searched: int = 0
    behind: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def from_cursor(cls, cursor: JsonObject, mark: str) -> "Search":
        """Return the search of a cursor; a new one if the cursor belongs to other options."""
        if cursor.get("mark") != mark:
            return cls(mark)
        return cls(mark, cursor.get("searched", 0), cursor.get("behind", {}))

    def until(self, name: str) -> int:
        """Return the Unix time until which a meter was searched for."""
        return self.behind.get(name, self.searched)

    @property
    def cursor(self) -> JsonObject:
        """The cursor with which the next read continues."""
        behind = {"behind": dict(self.behind)} if self.behind else {}
        return {"mark": self.mark, "searched": self.searched} | behind


@dataclass
class Failures:
    """The errors of failed meters, and the times at which they are to be read again.

    A meter that has failed is not read any more.
    """

    errors: dict[str, CloudError] = field(default_factory=dict)
    behind: dict[str, int] = field(default_factory=dict)

    def attempt(self, name: str, read: Reader, span: Span) -> MeterSums | None:
        """Return the sums of a meter; None if it fails, or has failed before."""
        if name in self.errors:
            return None
        try:
            return read(span)
        except CloudError as error:
            self.errors[name], self.behind[name] = error, span.begin
            return None

    def check(self, names: Collection[str]) -> None:
        """Raise the error of the first meter if all of them failed."""
        if names and len(self.errors) == len(names):
            raise next(iter(self.errors.values()))

    @property
    def text(self) -> str:
        """A sentence with the meters that failed and their errors."""
        return "; ".join(f"{name}: {error}" for name, error in self.errors.items())


def _begin(request: MeterRequest, name: str, end: int, searched: int) -> int:
    """Return the Unix time from which to read a meter."""
    if searched >= end:
        return end
    days = request.options.backfill_days
    first = min((request.now - days * DAY) // GRID * GRID, end - GRID)
    return int(max(request.last.get(name, first), searched - LATE_SUMS))


def _spans(begin: int, end: int, since: int) -> Iterator[Span]:
    edges = [*range(begin, end, SPAN), end]
    for start, stop in pairwise(edges):
        yield Span(start, stop, stop > since)


def _batches(
    accumulations: Mapping[str, Accumulation], search: Search, end: int
) -> Iterator[Batch]:
    """Yield the batches of a span; the cursor of the last one covers the whole span."""
    moments = sorted({at for meter in accumulations.values() for at in meter.moments})
    for at in moments[:-1]:
        yield Batch(_deltas(accumulations, at), search.cursor, dated=True)
    deltas = _deltas(accumulations, moments[-1]) if moments else {}
    yield Batch(deltas, replace(search, searched=end).cursor, dated=True)


def _deltas(accumulations: Mapping[str, Accumulation], at: int) -> dict[str, Delta[str]]:
    return {name: meter.delta(at) for name, meter in accumulations.items() if at in meter.moments}
