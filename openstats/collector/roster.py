"""Which clouds a collector asks: they may be registered and removed while it runs."""

import socket
from collections.abc import Callable, Mapping

from oslo_log import log

from openstats.clouds.connection import Connection
from openstats.clouds.entry import Fault
from openstats.errors import ConfigError
from openstats.model import Cloud
from openstats.storage import jobs, registry
from openstats.storage.store import Database, Store

LOG = log.getLogger(__name__)

PATIENCE = 30.0
"""Seconds for which a cloud may wait for its own collector, before others look for its entry."""

PAUSE = 60.0
"""Seconds between two readings of clouds.yaml."""

Connect = Callable[[str], Connection | None]
"""Makes a connection as clouds.yaml is now; None where it has no such entry. Or ConfigError."""


def _file() -> str:
    return f"clouds.yaml of the collector on {socket.gethostname()}"


class Roster:
    """Connections by the names of clouds, as long as these are registered."""

    def __init__(
        self,
        store: Store,
        connections: Mapping[str, Connection],
        connect: Connect,
        clock: Callable[[], float],
        faults: Mapping[str, Fault],
    ) -> None:
        self.connections = dict(connections)
        self.faults = {name: fault.reason for name, fault in faults.items()}
        self._unusable = {name: fault.cloud for name, fault in faults.items()}
        self._store = store
        self._connect = connect
        self._clock = clock
        self._registered: dict[str, str] = {}
        self._next_reading = 0.0

    def register(self) -> None:
        """Write all clouds and their jobs into the registry."""
        with self._store.transaction() as db:
            for connection in self.connections.values():
                self._register(db, connection)
            for name, cloud in self._unusable.items():
                self._register_unusable(db, cloud, self.faults[name])

    def _register_unusable(self, db: Database, cloud: Cloud, reason: str) -> None:
        """Have a cloud known whose entry cannot be used, with the reason: it may be mended."""
        LOG.warning("%s: %s", _file(), reason)
        known = registry.register_unusable(db, cloud, _file())
        jobs.ensure(db, known.id, jobs.KINDS, self._clock())
        jobs.complain(db, known, f"{_file()}: {reason}", self._clock())

    def _register(self, db: Database, connection: Connection) -> None:
        cloud = registry.register_cloud(db, connection.cloud, connection.entry.urls)
        jobs.ensure(db, cloud.id, jobs.KINDS, self._clock())
        self._registered[cloud.name] = cloud.uuid

    def refresh(self) -> None:
        """Forget clouds that were removed, and take up those that nobody asks."""
        now = self._clock()
        with self._store.read() as db:
            there = {cloud.name: cloud.uuid for cloud in registry.clouds(db)}
            neglected = jobs.neglected(db, now, PATIENCE)
        # One that was removed and is there again may have another entry now.
        for name in [n for n, uuid in self._registered.items() if there.get(n) != uuid]:
            LOG.info("%s is not registered any more", name)
            del self._registered[name], self.connections[name]
        unknown = [cloud for cloud in neglected if cloud.name not in self.connections]
        if unknown and now >= self._next_reading:
            self._next_reading = now + PAUSE
            for cloud in unknown:
                self._meet(cloud)

    def _meet(self, cloud: Cloud) -> None:
        file = _file()
        try:
            connection = self._connect(cloud.name)
        except ConfigError as error:
            return self._complain(cloud, f"{file}: {error}")
        if connection is None:
            return self._complain(cloud, f"{file} has no entry {cloud.name}")
        with self._store.transaction() as db:
            self._register(db, connection)
        self.connections[cloud.name] = connection
        self.faults.pop(cloud.name, None)
        LOG.info("%s is asked from now on", cloud.name)
        return None

    def _complain(self, cloud: Cloud, error: str) -> None:
        with self._store.transaction() as db:
            news = jobs.complain(db, cloud, error, self._clock())
        if news:
            LOG.warning("%s", error)
