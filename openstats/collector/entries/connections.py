"""The clouds that a collector polls, and the entry of clouds.yaml that it uses for each.

Clouds may be registered, moved and removed while it runs. ``entry_verification``, ``entry_choice``
and ``cloud_matching`` decide which entry belongs to which cloud; this module applies the result.
"""

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from threading import Lock

from oslo_log import log

from openstats.clouds.clouds_yaml.entries import EntryFault
from openstats.clouds.connection import Connection
from openstats.collector.entries import cloud_matching, entry_choice, entry_verification
from openstats.collector.entries.entry_choice import EntryChoice
from openstats.collector.entries.entry_verification import Verification, cloud_of_entry
from openstats.errors import ConfigError, LeaseLostError
from openstats.model import Cloud
from openstats.storage import jobs
from openstats.storage.registry import clouds, keystones
from openstats.storage.store import Database, Store

LOG = log.getLogger(__name__)

OVERDUE_SECONDS = 30.0
"""Seconds that a cloud may be overdue before other collectors look for its entry."""

READING_PERIOD = 60.0
"""Seconds between two readings of clouds.yaml."""

Connect = Callable[[str], Connection | None]
"""Returns a connection by clouds.yaml as it is now; None without an entry. Raises ConfigError."""


def _file() -> str:
    return f"clouds.yaml of the collector on {socket.gethostname()}"


class Connections:
    """The connections of a collector to registered clouds, by the names of the clouds.

    ``by_name`` holds the connection that is used for each cloud. ``refused`` names the clouds of
    which entries of other machines see more; they are polled only if they are overdue.
    ``faults`` holds the reasons why entries cannot be used.
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
        # By cloud name: the uuids, and all connections of this machine.
        self._uuids: dict[str, str] = {}
        self._candidates: dict[str, list[Connection]] = {}
        # Marks of settled clouds by uuid: other collectors may change them to another entry.
        self._settled: dict[str, keystones.Marks] = {}
        self._change_lock = Lock()
        self._settle_locks: dict[str, Lock] = {}

    def uuid_of(self, name: str) -> str | None:
        """Return the uuid of a cloud by its current name; None if unknown."""
        return self._uuids.get(name)

    def stop(self) -> None:
        """End the calls under way to all clouds."""
        for candidates in list(self._candidates.values()):
            for connection in candidates:
                connection.stop()

    # -- registered clouds

    def register(self) -> None:
        """Register all clouds and their jobs."""
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
        """Register a cloud whose entry cannot be used yet, with the reason."""
        LOG.warning("%s: %s", _file(), reason)
        registered = clouds.register_unusable(db, cloud, _file(), self._clock())
        jobs.record_error(db, registered, f"{_file()}: {reason}", self._clock())

    def _add(self, cloud: Cloud, candidates: Sequence[Connection]) -> None:
        """Add a cloud and candidate entries to those that it already has."""
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
        """Forget removed clouds, and adopt overdue ones that no collector polls."""
        now = self._clock()
        self._follow_registry()
        with self._store.read() as db:
            overdue = jobs.overdue(db, now, OVERDUE_SECONDS)
        asked_names = self.by_name.keys() - self.refused
        unasked = [cloud for cloud in overdue if cloud.name not in asked_names]
        if unasked and now >= self._next_reading:
            self._next_reading = now + READING_PERIOD
            for cloud in unasked:
                self._take_up(cloud)

    def _follow_registry(self) -> None:
        """Forget removed clouds; if one was joined with another, move its entries there."""
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
            # A cloud that was removed and registered again may have another entry now.
            if owner is not None and (owner.name != name or owner.uuid in uuids_before):
                self._add(owner, entries[name])

    def _take_up(self, cloud: Cloud) -> None:
        """Add a cloud that no collector polls if clouds.yaml has an entry for it now."""
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
                    message = (
                        f"{_file()}: the entry {cloud.name} leads to the cloud {owner.name} now"
                    )
                    jobs.record_error(db, cloud, message, now=self._clock())
                    return None
                # Its identity was unknown until the entry was fixed.
                clouds.remove_cloud(db, cloud)
            registered = owner or self._register(db, connection)
        with self._change_lock:
            self._candidates.pop(registered.name, None)
        self._add(registered, [connection])
        self.faults.pop(cloud.name, None)
        LOG.info("%s is polled from now on", registered.name)
        return None

    def _record_error(self, cloud: Cloud, error: str) -> None:
        with self._store.transaction() as db:
            is_new = jobs.record_error(db, cloud, error, self._clock())
        if is_new:
            LOG.warning("%s", error)

    # -- the entry in use

    def settle(self, cloud: Cloud, kind: str) -> tuple[Cloud, Connection]:
        """Return the registered cloud of a job, and the connection to use for it.

        The first poll of a cloud verifies which entries lead to it, chooses the one that sees most,
        and matches its identity with the registered clouds.

        Raises:
            LeaseLostError: the cloud was removed, or is the same as another registered cloud.
            CloudError: the sign-in fails.
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
        """Return whether the entry in the marks was on this machine and no longer exists."""
        if marks.get("host") != socket.gethostname():
            return False
        try:
            return self._connect(marks["entry"]) is None
        except ConfigError:
            return False

    def _follow_join(self, cloud: Cloud, registered: Cloud, candidates: list[Connection]) -> None:
        """Move the entries of a cloud to ``registered`` if that is another registered cloud.

        Raises:
            LeaseLostError: the entries were moved.
        """
        if registered.uuid != cloud.uuid:
            self._forget(cloud.name)
            self._add(registered, candidates)
            raise LeaseLostError(f"{cloud.name} is the same cloud as {registered.name}")

    def _dismiss_rejected(
        self, verification: Verification, candidates: list[Connection]
    ) -> list[Connection]:
        """Register rejected entries with other names as new clouds; return the remaining ones."""
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
        """Return the entry to use for a cloud; refuse the cloud if its last entry saw more.

        Raises:
            LessSeenError: every candidate sees less than the entry in the marks.
        """
        cloud, candidates = verification.cloud, verification.candidates
        try:
            choice = entry_choice.choose(self._store, cloud, candidates, is_heir=is_heir)
        except entry_choice.LessSeenError as error:
            cloud_matching.refuse(self._store, cloud, candidates, str(error))
            self.refused |= {cloud.name}
            raise
        return replace(choice, left_aside={**choice.left_aside, **verification.rejections})

    def _use(self, cloud: Cloud, choice: EntryChoice, candidates: list[Connection]) -> None:
        """Use an entry for a cloud; settle the cloud if ``candidates`` are still its own list."""
        cloud_matching.adopt(choice.connection, cloud)
        for name, reason in choice.left_aside.items():
            LOG.warning("the entry %s of clouds.yaml is left aside: %s", name, reason)
        with self._change_lock:
            self.by_name = self.by_name | {cloud.name: choice.connection}
            # Another thread may have added an entry of this cloud meanwhile.
            if self._candidates.get(cloud.name) is candidates:
                self._settled[cloud.uuid] = cloud_matching.state_of(self._store, cloud)[1]
