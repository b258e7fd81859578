"""How commands come by clouds: entries of clouds.yaml, connections, a collector, progress bars."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from threading import Lock
from typing import Any, NamedTuple

from openstats.cli.processes.memory import return_large_pieces
from openstats.clouds.clouds_yaml.entries import CloudEntry, EntryFault, find, load, settings_of
from openstats.clouds.connection import Connection
from openstats.clouds.transport.adapter import CallLimits
from openstats.collector.collector import Collector
from openstats.conf.clouds import read
from openstats.errors import ConfigError
from openstats.storage import clock
from openstats.storage.store import Store


class Clouds(NamedTuple):
    """The clouds of clouds.yaml by name: how to ask them, and why some cannot be asked."""

    connections: dict[str, Connection]
    faults: dict[str, EntryFault]


def connections(conf: Any, names: Sequence[str] = ()) -> dict[str, Connection]:
    """Make a connection for each cloud that is configured, or named, and that can be used.

    Raises:
        ConfigError: clouds.yaml does not tell of them.
    """
    return clouds(conf, names).connections


def clouds(conf: Any, names: Sequence[str] = ()) -> Clouds:
    """Make connections for the clouds that are configured, or named; nothing is dialled yet.

    A name that somebody typed must exist; of those that are configured, one that does not is a
    fault beside the others.

    Raises:
        ConfigError: there is no clouds.yaml, or no such entry.
    """
    made = checked_clouds(conf, names)
    typed = [fault.reason for fault in made.faults.values() if fault.is_missing]
    if typed and (names or not conf.clouds.names):
        raise ConfigError(*typed)
    return made


def checked_clouds(conf: Any, names: Sequence[str] = ()) -> Clouds:
    """Make connections likewise, of which each name that there is not is a fault.

    Raises:
        ConfigError: there is no clouds.yaml.
    """
    options = conf.clouds
    entries = load(names, options.names, settings_of(options), read, options.file)
    made = Clouds({}, dict(entries.faults))
    for name, entry in entries.usable.items():
        try:
            made.connections[name] = _connection(conf, entry)
        except ConfigError as error:
            made.faults[name] = EntryFault(entry.cloud, str(error))
    return made


def connect(conf: Any, name: str) -> Connection | None:
    """Make a connection for one cloud, as clouds.yaml is now; None where it has no such entry.

    Raises:
        ConfigError: the entry cannot be used.
    """
    entry = find(name, settings_of(conf.clouds), read, conf.clouds.file)
    return None if entry is None else _connection(conf, entry)


def _connection(conf: Any, entry: CloudEntry) -> Connection:
    entry.check_credential()
    return Connection(entry, _limits(conf.collector))


def _limits(options: Any) -> CallLimits:
    return CallLimits(
        connect_seconds=options.connect_timeout,
        read_seconds=options.read_timeout,
        answer_seconds=options.answer_timeout,
        answer_mib=options.answer_max_mib,
        wait_seconds=options.retry_wait,
    )


def collector(
    conf: Any, store: Store, names: Sequence[str] = (), **collaborators: Any
) -> Collector:
    """Make a collector whose clouds are in the registry."""
    made = unregistered_collector(conf, store, names, **collaborators)
    made.register()
    return made


def unregistered_collector(
    conf: Any, store: Store, names: Sequence[str] = (), **collaborators: Any
) -> Collector:
    """Make a collector that registers its clouds when the store can be written."""
    return _collector(conf, store, clouds(conf, names), **collaborators)


def idle_collector(conf: Any, store: Store) -> Collector:
    """Make a collector without clouds: it takes up those that are registered while it runs."""
    return _collector(conf, store, Clouds({}, {}))


def _collector(conf: Any, store: Store, found: Clouds, **collaborators: Any) -> Collector:
    return_large_pieces()
    return Collector(
        store,
        found.connections,
        conf,
        connect=partial(connect, conf),
        faults=found.faults,
        clock=clock.of(store),
        **collaborators,
    )


class Bars:
    """A progress bar for each thing that a cloud is asked for; only on a terminal."""

    def __init__(self) -> None:
        self._bars: dict[tuple[str, str], Any] = {}
        self._lock = Lock()

    def show(self, cloud: str, what: str, done: int, total: int | None) -> None:
        """Move one bar."""
        from tqdm import tqdm

        with self._lock:
            if (cloud, what) not in self._bars:
                label = f"{cloud} {what}"
                self._bars[cloud, what] = tqdm(
                    desc=label, total=total, unit="", delay=1, leave=False
                )
            bar = self._bars[cloud, what]
            bar.total = total
            bar.update(done - bar.n)

    def close(self) -> None:
        """Take the bars off the terminal."""
        for bar in self._bars.values():
            bar.close()


@contextmanager
def progress() -> Iterator[dict[str, Any]]:
    """Give the collaborator that shows progress, where somebody is watching."""
    if not sys.stderr.isatty():
        yield {}
        return
    bars = Bars()
    try:
        yield {"progress": bars.show}
    finally:
        bars.close()
