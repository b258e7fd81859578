"""Meter sources: what measures the use of a cloud's tenants, one module each.

A source is a function behind an entry point of the group ``openstats.meter_sources``. It reads
what was used since the last reading, as sums by tenant, batch by batch.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, Protocol

from openstats.clouds.connection import Connection
from openstats.errors import ConfigError
from openstats.model import Instance
from openstats.readings import Delta

GROUP = "openstats.meter_sources"
GRID = 300
"""Readings are at multiples of so many Unix seconds."""

LONGEST = 3 * GRID
"""Seconds for which the last report of an instance stands."""


@dataclass(frozen=True)
class MeterRequest:
    """The request that a source answers.

    Attributes:
        connection: the cloud.
        now: Unix time on the grid, not later than the present.
        last: when each of its meters was read last, by name; absent if never.
        running: the instances that run now.
        cursor: what it left the last time; empty the first time.
        settings: [clouds] meter_options, or those of the cloud's entry.
        options: the group [usage] of the configuration.
        calls: threads for calls that may be made side by side.
        clock: returns Unix seconds.
    """

    connection: Connection
    now: int
    last: Mapping[str, int]
    running: Iterable[Instance]
    cursor: Mapping[str, Any]
    settings: Mapping[str, Any]
    options: Any
    calls: Executor
    clock: Callable[[], float]


@dataclass(frozen=True)
class Batch:
    """The use of one stretch of time: a delta for each meter, by its name.

    ``cursor`` is stored together with it; ``missing`` is what could not be read. ``dated`` says
    that its time is the source's own, and not that of a clock here, which may have been set.
    """

    deltas: Mapping[str, Delta]
    cursor: Mapping[str, Any]
    missing: str | None = None
    dated: bool = False


class Source(Protocol):
    """The signature of a source; batches come in order of time."""

    def __call__(self, request: MeterRequest) -> Iterator[Batch]:
        """Yield what was used since the last batches."""


def load(name: str) -> Source:
    """Return a source by its name.

    Raises:
        ConfigError: there is none of that name.
    """
    sources = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in sources:
        names = ", ".join(sorted(sources))
        raise ConfigError(f"[clouds] meter_source: no source {name!r}; there are {names}")
    source: Source = sources[name].load()
    return source
