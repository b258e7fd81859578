"""Meter sources: what measures the use of a cloud's tenants, one module each.

A source is a function behind an entry point of the group ``openstats.meter_sources``. It reads
what was used since the last reading, as sums by tenant, window by window.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, Protocol

from openstats.clouds.connection import Connection
from openstats.errors import ConfigError
from openstats.model import Instance
from openstats.readings import Tick

GROUP = "openstats.meter_sources"
GRID = 300
"""Readings are at multiples of so many Unix seconds."""

LONGEST = 3 * GRID
"""Seconds for which the last that was heard of an instance stands."""


@dataclass(frozen=True)
class Asked:
    """What a source is asked.

    Attributes:
        connection: the cloud.
        now: Unix time on the grid, not later than the present.
        last: when each of its meters was read last, by name; absent if never.
        running: the instances that run now.
        cursor: what it left the last time; empty the first time.
        settings: [clouds] meter_options, or those of the cloud's entry.
        options: the group [usage] of the configuration.
        calls: threads for calls that may be made side by side.
        clock: gives Unix seconds.
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
class Window:
    """What was used in one stretch of time: a tick for each meter, by its name.

    ``cursor`` is kept together with it; ``missing`` tells what could not be read. ``dated`` says
    that its time is the source's own, and not that of a clock here, which may have been set.
    """

    ticks: Mapping[str, Tick]
    cursor: Mapping[str, Any]
    missing: str | None = None
    dated: bool = False


class Source(Protocol):
    """How a source is called; windows come in order of time."""

    def __call__(self, asked: Asked) -> Iterator[Window]:
        """Read what was used since the last windows."""


def load(name: str) -> Source:
    """Load a source by its name.

    Raises:
        ConfigError: there is none of that name.
    """
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in found:
        there = ", ".join(sorted(found))
        raise ConfigError(f"[clouds] meter_source: no source {name!r}; there are {there}")
    source: Source = found[name].load()
    return source
