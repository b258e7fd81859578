"""Which clouds a collector asks, and by which entry of clouds.yaml.

Clouds may be registered, moved and removed while it runs. What an entry is of is found out by
``entry_verification``, ``entry_choice`` and ``cloud_matching``; here is what follows from it.
"""

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from threading import Lock

from oslo_log import log

from openstats.clouds.clouds_yaml.entries import EntryFault
from openstats.clouds.connection import Connection
from openstats.collector import cloud_matching, entry_choice, entry_verification
from openstats.collector.entry_choice import EntryChoice
from openstats.collector.entry_verification import Verification, cloud_of_entry
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
    """The connections of a collector to registered clouds, by the names of these.

    ``by_name`` has the entry that asks each cloud. ``refused`` are clouds that entries of other
    machines see more of: they are not asked unless nobody does. ``faults`` are the reasons why
    entries cannot be used.
    """

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
        self.refused: frozenset[str] = frozenset()
        self.faults = {name: fault.reason for name, fault in faults.items()}
        self._unusable_clouds = {name: fault.cloud for name, fault in faults.items()}
        self._store = store
        self._connect = connect
        self._clock = clock
        self._next_reading = 0.0
        # By the names of clouds: their uuids, and all entries of this machine.
        self._uuids: dict[str, str] = {}
        self._candidates: dict[str, list[Connection]] = {}
        # Clouds by uuid, as they were marked then: others may ask them by other entries.
        self._settled: dict[str, keystones.Marks] = {}
        self._change_lock = Lock()
        self._settle_locks: dict[str, Lock] = {}

    def uuid_of(self, name: str) -> str | None:
        """Return the uuid of a cloud by the name that it has now."""
        return self._uuids.get(name)

    def stop(self) -> None:
        """End the calls under way to all clouds."""
        for candidates in list(self._candidates.values()):
            for connection in candidates:
                connection.stop()

    # -- which clouds there are

    def register(self) -> None:
        """Write all clouds and their jobs into the registry."""
        groups = cloud_matching.group(self._store, self.by_name)
        self.by_name = {}
        with self._store.transaction() as db:
            for group in groups:
                self._add(self._register(db, group[0]), group)
            for name, cloud in self._unusable_clouds.items():
                self._register_unusable(db, cloud, self.faults[name])

    def _register(self, db: Database, connection: Connection) -> Cloud:
        return clouds.register(db, connection.cloud, connection.entry.urls, self._clock())

    def _register_unusable(self, db: Database, cloud: Cloud, reason: str) -> None:
        """Register a cloud whose entry cannot be used, with the reason; it may be mended later."""
        LOG.warning("%s: %s", _file(), reason)
        registered = clouds.register_unusable(db, cloud, _file(), self._clock())
        jobs.record_error(db, registered, f"{_file()}: {reason}", self._clock())

    def _add(self, cloud: Cloud, candidates: Sequence[Connection]) -> None:
        """Add a cloud and entries that may ask it, beside those that it has."""
        with self._change_lock:
            entries = list(self._candidates.get(cloud.name, []))
            entries.extend(entry for entry in candidates if entry not in entries)
            self._candidates[cloud.name] = entries
            self.by_name = {cloud.name: candidates[0], **self.by_name}
            self._uuids[cloud.name] = cloud.uuid
            self._settled.pop(cloud.uuid, None)
            self.refused -= {cloud.name}

    def _forget(self, name: str) -> None:
        with self._change_lock:
            by_name = dict(self.by_name)
            by_name.pop(name, None)
            self.by_name = by_name
            self._uuids.pop(name, None)
            self._candidates.pop(name, None)

    def refresh(self) -> None:
        """Forget clouds that were removed, and take up those that nobody asks."""
        now = self._clock()
        self._follow_registry()
        with self._store.read() as db:
            overdue = jobs.overdue(db, now, PATIENCE)
        asked_names = self.by_name.keys() - self.refused
        unasked = [cloud for cloud in overdue if cloud.name not in asked_names]
        if unasked and now >= self._next_reading:
            self._next_reading = now + PAUSE
            for cloud in unasked:
                self._take_up(cloud)

    def _follow_registry(self) -> None:
        """Forget clouds that were removed; entries of one that was joined ask the other."""
        with self._store.read() as db:
            uuids = {cloud.name: cloud.uuid for cloud in clouds.clouds(db)}
            removed = [n for n, uuid in list(self._uuids.items()) if uuids.get(n) != uuid]
            entries = {name: self._candidates.get(name, []) for name in removed}
            owners = {n: clouds.find(db, those[0].cloud) for n, those in entries.items() if those}
        uuids_before = set(self._uuids.values())
        for name in removed:
            LOG.info("%s is not registered any more", name)
            self._forget(name)
            owner = owners.get(name)
            # One that was removed and is there again may have another entry now.
            if owner is not None and (owner.name != name or owner.uuid in uuids_before):
                self._add(owner, entries[name])

    def _take_up(self, cloud: Cloud) -> None:
        """Add a cloud that no collector asks, if clouds.yaml has an entry for it by now."""
        try:
            connection = self._connect(cloud.name)
        except ConfigError as error:
            return self._record_error(cloud, f"{_file()}: {error}")
        if connection is None:
            return self._record_error(cloud, f"{_file()} has no entry {cloud.name}")
        with self._store.transaction() as db:
            owner = clouds.find(db, connection.cloud)
            if owner is not None and owner.id != cloud.id:
                if clouds.has_tenants(db, cloud):
                    words = f"{_file()}: the entry {cloud.name} is of the cloud {owner.name} now"
                    jobs.record_error(db, cloud, words, now=self._clock())
                    return None
                # What it is of could not be told before its entry was mended.
                clouds.remove_cloud(db, cloud)
            registered = owner or self._register(db, connection)
        with self._change_lock:
            self._candidates.pop(registered.name, None)
        self._add(registered, [connection])
        self.faults.pop(cloud.name, None)
        LOG.info("%s is asked from now on", registered.name)
        return None

    def _record_error(self, cloud: Cloud, error: str) -> None:
        with self._store.transaction() as db:
            is_new = jobs.record_error(db, cloud, error, self._clock())
        if is_new:
            LOG.warning("%s", error)

    # -- which entry asks a cloud

    def settle(self, cloud: Cloud, kind: str) -> tuple[Cloud, Connection]:
        """Return the registered cloud behind a job, and the entry that asks it.

        The first poll of a cloud verifies which entries lead to it, chooses the one that sees most,
        and matches what that shows with the registered clouds.

        Raises:
            LeaseLostError: it is another cloud of the registry.
            CloudError: one cannot sign in.
        """
        with self._settle_locks.setdefault(cloud.uuid, Lock()):
            candidates = self._candidates.get(cloud.name)
            if candidates is None:
                raise LeaseLostError(f"{cloud.name} is not registered any more")
            current, marks = cloud_matching.state_of(self._store, cloud)
            if marks and self._settled.get(cloud.uuid) == marks:
                return current, self.by_name[cloud.name]
            is_heir = self._is_abandoned(marks)
            verification = entry_verification.verify(
                self._store, current, candidates, is_heir=is_heir
            )
            self._follow_join(cloud, verification.cloud, candidates)
            candidates = self._dismiss_rejected(verification, candidates)
            choice = self._choose(verification, is_heir=is_heir)
            match = cloud_matching.match(
                self._store, verification.cloud, choice, wait=kind != "discovery"
            )
            self._follow_join(cloud, match.cloud, candidates)
            self._use(match.cloud, choice, candidates if match.is_certain else [])
            self._follow_registry()
            return match.cloud, choice.connection

    def _is_abandoned(self, marks: keystones.Marks) -> bool:
        """Return whether the entry that asked a cloud, on this machine, is gone."""
        if marks.get("host") != socket.gethostname():
            return False
        try:
            return self._connect(marks["entry"]) is None
        except ConfigError:
            return False

    def _follow_join(self, cloud: Cloud, owner: Cloud, candidates: list[Connection]) -> None:
        """Hand the entries of a cloud over to the one that it is the same as.

        Raises:
            LeaseLostError: it is another one.
        """
        if owner.uuid != cloud.uuid:
            self._forget(cloud.name)
            self._add(owner, candidates)
            raise LeaseLostError(f"{cloud.name} is the same cloud as {owner.name}")

    def _dismiss_rejected(
        self, verification: Verification, candidates: list[Connection]
    ) -> list[Connection]:
        """Register entries of other names that lead elsewhere as new clouds; return the others."""
        name = verification.cloud.name
        names = verification.rejections.keys() - {name}
        strangers = [entry for entry in candidates if entry.cloud.name in names]
        if not strangers:
            return candidates
        with self._store.transaction() as db:
            for stranger in strangers:
                keystones.forget_alias(db, cloud_of_entry(stranger))
                self._add(self._register(db, stranger), [stranger])
        with self._change_lock:
            remaining = [entry for entry in candidates if entry not in strangers]
            self._candidates[name] = remaining
        return remaining

    def _choose(self, verification: Verification, *, is_heir: bool) -> EntryChoice:
        """Return the entry that asks a cloud; refuse one of which other machines see more."""
        cloud, candidates = verification.cloud, verification.candidates
        try:
            choice = entry_choice.choose(self._store, cloud, candidates, is_heir=is_heir)
        except entry_choice.LessSeenError as error:
            cloud_matching.refuse(self._store, cloud, candidates, str(error))
            self.refused |= {cloud.name}
            raise
        return replace(choice, left_aside={**choice.left_aside, **verification.rejections})

    def _use(self, cloud: Cloud, choice: EntryChoice, candidates: list[Connection]) -> None:
        """Use an entry for a cloud, which is settled if these are still all its candidates."""
        cloud_matching.adopt(choice.connection, cloud)
        for name, reason in choice.left_aside.items():
            LOG.warning("the entry %s of clouds.yaml is left aside: %s", name, reason)
        with self._change_lock:
            self.by_name = self.by_name | {cloud.name: choice.connection}
            # Another entry may have turned out to be of this cloud meanwhile.
            if self._candidates.get(cloud.name) is candidates:
                self._settled[cloud.uuid] = cloud_matching.state_of(self._store, cloud)[1]
