"""Meter sources: they measure the usage of a cloud's tenants, one module each.

A source is a function with an entry point in the group ``openstats.meter_sources``. It yields the
usage since the last readings in batches, as sums by tenant.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Protocol

from openstats.clouds.connection import Connection
from openstats.clouds.json_documents import JsonObject
from openstats.errors import ConfigError, must_be
from openstats.model import Instance
from openstats.readings import Delta

GROUP = "openstats.meter_sources"
GRID = 300
"""Readings are taken at multiples of this number of Unix seconds."""

REPORT_VALIDITY = 3 * GRID
"""Seconds for which the last report of an instance remains valid."""


class MeterSourceOptions(Protocol):
    """The options of [usage] that sources read."""

    backfill_days: int
    diagnostics_max_instances: int
    diagnostics_per_second: int


@dataclass(frozen=True)
class MeterRequest:
    """A request to a source.

    Attributes:
        connection: the connection to the cloud.
        now: the Unix time on the grid, not later than the present.
        last: the Unix time of the last reading of each meter, by name; absent without any.
        running: the instances that run now.
        cursor: the cursor of the last batch; empty the first time.
        settings: [clouds] meter_options, or those of the cloud's entry.
        options: the group [usage] of the configuration.
        calls: threads for concurrent calls.
        clock: returns Unix seconds.
    """

    connection: Connection
    now: int
    last: Mapping[str, int]
    running: Iterable[Instance]
    cursor: JsonObject
    settings: Mapping[str, object]
    options: MeterSourceOptions
    calls: Executor
    clock: Callable[[], float]


@dataclass(frozen=True)
class Batch:
    """The usage in one period: a delta for each meter, by its name.

    ``cursor`` is stored in the same transaction. ``missing`` describes what could not be read.
    ``dated`` tells that the times come from the source and not from the local clock, which may have
    been set.
    """

    deltas: Mapping[str, Delta[str]]
    cursor: JsonObject
    missing: str | None = None
    dated: bool = False


class Source(Protocol):
    """The signature of a source; it yields batches in chronological order."""

    def __call__(self, request: MeterRequest) -> Iterator[Batch]:
        """Yield the usage since the last readings."""


def load(name: str) -> Source:
    """Return the source of a name.

    Raises:
        ConfigError: there is no source of that name.
    """
    sources = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in sources:
        raise ConfigError(f"meter_source = {name}: unknown source: {must_be(sorted(sources))}")
    source: Source = sources[name].load()
    return source
