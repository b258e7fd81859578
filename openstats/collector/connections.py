"""Which clouds a collector asks: they may be registered and removed while it runs."""

import socket
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from oslo_log import log

from openstats.clouds.clouds_yaml.entries import EntryFault
from openstats.clouds.connection import Connection
from openstats.collector import cloud_matching, entry_verification
from openstats.errors import ConfigError, LeaseLostError
from openstats.model import Cloud
from openstats.storage import jobs
from openstats.storage.registry import clouds, keystones
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


class Connections:
    """Connections by the names of clouds, as long as these are registered."""

    def __init__(
        self,
        store: Store,
        connections: Mapping[str, Connection],
        connect: Connect,
        clock: Callable[[], float],
        faults: Mapping[str, EntryFault],
    ) -> None:
        # Replaced, never changed: workers read them.
        self.by_name = dict(connections)
        # Clouds that entries of other machines see more of: not asked unless nobody does.
        self.refused: frozenset[str] = frozenset()
        self.faults = {name: fault.reason for name, fault in faults.items()}
        self._unusable = {name: fault.cloud for name, fault in faults.items()}
        self._store = store
        self._connect = connect
        self._clock = clock
        self._registered: dict[str, str] = {}
        self._next_reading = 0.0
        self._candidates: dict[str, list[Connection]] = {}
        # Clouds by uuid, as they were marked then: others may ask them by other entries.
        self._settled: dict[str, Any] = {}
        self._changing = Lock()
        self._settling: dict[str, Lock] = {}

    def register(self) -> None:
        """Write all clouds and their jobs into the registry."""
        groups = cloud_matching.groups(self._store, self.by_name)
        self.by_name = {}
        with self._store.transaction() as db:
            for group in groups:
                self._ask(self._register(db, group[0]), group)
            for name, cloud in self._unusable.items():
                self._register_unusable(db, cloud, self.faults[name])

    def _ask(self, cloud: Cloud, candidates: list[Connection]) -> None:
        """Have a cloud asked, by one of these entries."""
        with self._changing:
            known = self._candidates.get(cloud.name, [])
            self._candidates[cloud.name] = [*known, *(c for c in candidates if c not in known)]
            self.by_name = {cloud.name: candidates[0], **self.by_name}
            self._registered[cloud.name] = cloud.uuid
            self._settled.pop(cloud.uuid, None)
            self.refused -= {cloud.name}

    def _forget(self, name: str) -> None:
        with self._changing:
            self.by_name = {n: c for n, c in self.by_name.items() if n != name}
            self._registered.pop(name, None)
            self._candidates.pop(name, None)

    def uuid_of(self, name: str) -> str | None:
        """Return the uuid of a cloud by the name that it has now."""
        return self._registered.get(name)

    def stop(self) -> None:
        """End the calls under way to all clouds, by whatever entry."""
        for candidates in list(self._candidates.values()):
            for connection in candidates:
                connection.stop()

    def settle(self, cloud: Cloud, kind: str) -> tuple[Cloud, Connection]:
        """Return what a cloud is really, and the entry that asks it; the first poll finds out.

        Raises:
            LeaseLostError: it is another cloud of the registry.
            CloudError: one cannot sign in.
        """
        with self._settling.setdefault(cloud.uuid, Lock()):
            candidates = self._candidates.get(cloud.name)
            if candidates is None:
                raise LeaseLostError(f"{cloud.name} is not registered any more")
            current, marks = cloud_matching.state_of(self._store, cloud)
            if marks and self._settled.get(cloud.uuid) == marks:
                return current, self.by_name[cloud.name]
            is_heir = self._is_abandoned(marks)
            confirmed = entry_verification.confirm(
                self._store, current, candidates, is_heir=is_heir
            )
            self._follow_to(cloud, confirmed.cloud, candidates)
            candidates = self._dismiss(confirmed, candidates)
            choice = self._chosen(confirmed, is_heir=is_heir)
            is_discovery = kind == "discovery"
            known, is_certain = cloud_matching.recognise(
                self._store, confirmed.cloud, choice, wait=not is_discovery
            )
            self._follow_to(cloud, known, candidates)
            self._use(known, choice, candidates if is_certain else [])
            self._follow()
            return known, choice.connection

    def _is_abandoned(self, marks: keystones.Marks) -> bool:
        """Return whether the entry that asked a cloud, on this machine, is gone."""
        if marks.get("host") != socket.gethostname():
            return False
        try:
            return self._connect(marks["entry"]) is None
        except ConfigError:
            return False

    def _follow_to(self, cloud: Cloud, known: Cloud, candidates: list[Connection]) -> None:
        """Have entries ask the cloud that theirs turned out to be.

        Raises:
            LeaseLostError: it is another one.
        """
        if known.uuid != cloud.uuid:
            self._forget(cloud.name)
            self._ask(known, candidates)
            raise LeaseLostError(f"{cloud.name} is the same cloud as {known.name}")

    def _dismiss(
        self, confirmed: entry_verification.Confirmed, candidates: list[Connection]
    ) -> list[Connection]:
        """Return the candidates without those of other names that lead elsewhere: new clouds."""
        name = confirmed.cloud.name
        others = [c for c in candidates if c.cloud.name in confirmed.rejected.keys() - {name}]
        if not others:
            return candidates
        with self._store.transaction() as db:
            for each in others:
                keystones.forget_alias(db, entry_verification.written(each))
                self._ask(self._register(db, each), [each])
        with self._changing:
            rest = [c for c in candidates if c not in others]
            self._candidates[name] = rest
        return rest

    def _chosen(
        self, confirmed: entry_verification.Confirmed, *, is_heir: bool
    ) -> cloud_matching.Choice:
        """Return the entry that asks a cloud; where others ask it that see more, it is theirs."""
        cloud, candidates = confirmed.cloud, confirmed.candidates
        try:
            choice = cloud_matching.chosen(self._store, cloud, candidates, is_heir=is_heir)
            return choice._replace(left_aside={**choice.left_aside, **confirmed.rejected})
        except cloud_matching.LessSeenError as error:
            cloud_matching.refuse(self._store, cloud, candidates, str(error))
            self.refused |= {cloud.name}
            raise

    def _use(
        self, cloud: Cloud, choice: cloud_matching.Choice, candidates: list[Connection]
    ) -> None:
        cloud_matching.adopt(choice.connection, cloud)
        for name, reason in choice.left_aside.items():
            LOG.warning("the entry %s of clouds.yaml is left aside: %s", name, reason)
        with self._changing:
            self.by_name = self.by_name | {cloud.name: choice.connection}
            # Another entry may have turned out to be of this cloud meanwhile.
            if self._candidates.get(cloud.name) is candidates:
                self._settled[cloud.uuid] = cloud_matching.state_of(self._store, cloud)[1]

    def _register_unusable(self, db: Database, cloud: Cloud, reason: str) -> None:
        """Have a cloud known whose entry cannot be used, with the reason: it may be mended."""
        LOG.warning("%s: %s", _file(), reason)
        known = clouds.register_unusable(db, cloud, _file())
        jobs.ensure(db, known.id, jobs.KINDS, self._clock())
        jobs.record_error(db, known, f"{_file()}: {reason}", self._clock())

    def _register(self, db: Database, connection: Connection) -> Cloud:
        cloud = clouds.register_cloud(db, connection.cloud, connection.entry.urls)
        jobs.ensure(db, cloud.id, jobs.KINDS, self._clock())
        return cloud

    def refresh(self) -> None:
        """Forget clouds that were removed, and take up those that nobody asks."""
        now = self._clock()
        self._follow()
        with self._store.read() as db:
            neglected = jobs.overdue(db, now, PATIENCE)
        asked = self.by_name.keys() - self.refused
        unknown = [cloud for cloud in neglected if cloud.name not in asked]
        if unknown and now >= self._next_reading:
            self._next_reading = now + PAUSE
            for cloud in unknown:
                self._meet(cloud)

    def _follow(self) -> None:
        """Forget clouds that were removed; entries of those that were joined ask the other one."""
        with self._store.read() as db:
            uuids = {cloud.name: cloud.uuid for cloud in clouds.clouds(db)}
            removed = [n for n, uuid in list(self._registered.items()) if uuids.get(n) != uuid]
            entries = {name: self._candidates.get(name, []) for name in removed}
            owners = {n: clouds.find(db, known[0].cloud) for n, known in entries.items() if known}
        known_uuids = set(self._registered.values())
        for name in removed:
            LOG.info("%s is not registered any more", name)
            self._forget(name)
            owner = owners.get(name)
            # One that was removed and is there again may have another entry now.
            if owner is not None and (owner.name != name or owner.uuid in known_uuids):
                self._ask(owner, entries[name])

    def _meet(self, cloud: Cloud) -> None:
        file = _file()
        try:
            connection = self._connect(cloud.name)
        except ConfigError as error:
            return self._complain(cloud, f"{file}: {error}")
        if connection is None:
            return self._complain(cloud, f"{file} has no entry {cloud.name}")
        with self._store.transaction() as db:
            owner = clouds.find(db, connection.cloud)
            if owner is not None and owner.id != cloud.id:
                if clouds.has_tenants(db, cloud):
                    words = f"{file}: the entry {cloud.name} is of the cloud {owner.name} now"
                    jobs.record_error(db, cloud, words, now=self._clock())
                    return None
                # What it is of could not be told before its entry was mended.
                clouds.remove_cloud(db, cloud)
            known = owner or self._register(db, connection)
        with self._changing:
            self._candidates.pop(known.name, None)
        self._ask(known, [connection])
        self.faults.pop(cloud.name, None)
        LOG.info("%s is asked from now on", known.name)
        return None

    def _complain(self, cloud: Cloud, error: str) -> None:
        with self._store.transaction() as db:
            news = jobs.record_error(db, cloud, error, self._clock())
        if news:
            LOG.warning("%s", error)
