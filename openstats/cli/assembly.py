"""Assembly of connections and collectors from the configuration and clouds.yaml."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple, Protocol

from oslo_config import cfg

from openstats.cli.processes.memory import return_large_pieces
from openstats.clouds.clouds_yaml.entries import CloudEntry, EntryFault, find_entry, load_entries
from openstats.clouds.clouds_yaml.settings import settings_of
from openstats.clouds.connection import Connection
from openstats.clouds.transport.adapter import CallLimits
from openstats.collector.collector import Collector
from openstats.collector.polls.poll import Progress, no_progress
from openstats.conf.clouds import read
from openstats.errors import ConfigError
from openstats.storage import clock
from openstats.storage.store import Store


class CollectorOptions(Protocol):
    """The options of the group [collector] that limit calls to clouds; times are in seconds."""

    connect_timeout: float
    read_timeout: float
    answer_timeout: float
    answer_max_mib: int
    retry_wait: float


class Clouds(NamedTuple):
    """The clouds of clouds.yaml by name: their connections, and the faults of unusable entries."""

    connections: dict[str, Connection]
    faults: dict[str, EntryFault]


def connections(conf: cfg.ConfigOpts, names: Sequence[str] = ()) -> dict[str, Connection]:
    """Return a connection for each usable cloud among ``names``, or the configured ones.

    Raises:
        ConfigError: there is no clouds.yaml, or no such entry.
    """
    return clouds(conf, names).connections


def clouds(conf: cfg.ConfigOpts, names: Sequence[str] = ()) -> Clouds:
    """Return the clouds in ``names``, or the configured ones, without connecting to them yet.

    All ``names`` must exist. A configured name that does not exist is only a fault.

    Raises:
        ConfigError: there is no clouds.yaml, or no such entry.
    """
    checked = checked_clouds(conf, names)
    missing = [fault.reason for fault in checked.faults.values() if fault.is_missing]
    if missing and (names or not conf.clouds.names):
        raise ConfigError(*missing)
    return checked


def checked_clouds(conf: cfg.ConfigOpts, names: Sequence[str] = ()) -> Clouds:
    """Return the clouds in ``names``, or the configured ones; a missing entry is only a fault.

    Raises:
        ConfigError: there is no clouds.yaml.
    """
    options = conf.clouds
    entries = load_entries(names, options.names, settings_of(options), read, options.file)
    checked = Clouds({}, dict(entries.faults))
    for name, entry in entries.usable.items():
        try:
            checked.connections[name] = _connection(conf, entry)
        except ConfigError as error:
            checked.faults[name] = EntryFault(entry.cloud, str(error))
    return checked


def connect(conf: cfg.ConfigOpts, name: str) -> Connection | None:
    """Return a connection from the current clouds.yaml; None if it has no such entry.

    Raises:
        ConfigError: the entry cannot be used.
    """
    entry = find_entry(name, settings_of(conf.clouds), read, conf.clouds.file)
    return None if entry is None else _connection(conf, entry)


def _connection(conf: cfg.ConfigOpts, entry: CloudEntry) -> Connection:
    entry.check_credential()
    return Connection(entry, _limits(conf.collector))


def _limits(options: CollectorOptions) -> CallLimits:
    return CallLimits(
        connect_seconds=options.connect_timeout,
        read_seconds=options.read_timeout,
        answer_seconds=options.answer_timeout,
        answer_mib=options.answer_max_mib,
        wait_seconds=options.retry_wait,
    )


def collector(
    conf: cfg.ConfigOpts,
    store: Store,
    names: Sequence[str] = (),
    *,
    progress: Progress = no_progress,
) -> Collector:
    """Return a collector; register its clouds now."""
    registered = _collector(conf, store, clouds(conf, names), progress)
    registered.register()
    return registered


def unregistered_collector(conf: cfg.ConfigOpts, store: Store) -> Collector:
    """Return a collector whose clouds are not registered yet; call ``register`` later."""
    return _collector(conf, store, clouds(conf))


def idle_collector(conf: cfg.ConfigOpts, store: Store) -> Collector:
    """Return a collector without clouds, which polls those that are registered while it runs."""
    return _collector(conf, store, Clouds({}, {}))


def _collector(
    conf: cfg.ConfigOpts, store: Store, configured: Clouds, progress: Progress = no_progress
) -> Collector:
    return_large_pieces()
    return Collector(
        store,
        configured.connections,
        conf,
        connect=partial(connect, conf),
        faults=configured.faults,
        clock=clock.clock_of(store),
        progress=progress,
    )
