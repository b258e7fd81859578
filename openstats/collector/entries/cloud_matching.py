"""Matching entries of clouds.yaml with registered clouds, by Keystone identity and region.

Both are known only after a sign-in, so the first poll of a cloud begins with the matching.
"""

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from openstats.clouds import endpoints
from openstats.clouds.connection import Connection
from openstats.clouds.services import keystone_identity
from openstats.clouds.services.keystone_identity import KeystoneIdentity
from openstats.collector.entries.entry_choice import EntryChoice
from openstats.collector.entries.entry_verification import identity_of
from openstats.errors import CloudError
from openstats.model import Cloud
from openstats.storage.registry import clouds, keystones
from openstats.storage.store import Store

CloudKey = tuple[str, str]
"""The Keystone URL and the region of a cloud."""


@dataclass(frozen=True)
class Match:
    """The registered cloud of an entry, and whether the match is certain."""

    cloud: Cloud
    is_certain: bool


def state_of(store: Store, cloud: Cloud) -> tuple[Cloud, keystones.Marks]:
    """Return the current row of a cloud, and its marks: its identity and the entry in use."""
    with store.read() as db:
        return keystones.current(db, cloud), keystones.marks_of(db, cloud)


def match(store: Store, cloud: Cloud, choice: EntryChoice, *, wait: bool) -> Match:
    """Return the registered cloud that an entry leads to: its own, or the same at another URL.

    Write the marks that the entry shows of the cloud. With ``wait``, raise an error if only a
    discovery can decide whether two clouds are the same.

    Raises:
        CloudError: the sign-in fails, or the decision has to wait for a discovery.
    """
    connection = choice.connection
    identity = keystone_identity.identify(connection)
    placed_cloud = _mark(store, cloud, choice, identity)
    if placed_cloud.id != cloud.id:
        # The comparison of both entries decides whether this one is used.
        return Match(placed_cloud, is_certain=False)
    matched, is_certain = placed_cloud, True
    with store.read() as db:
        candidates = keystones.others(db, placed_cloud)
    for candidate in candidates:
        if _was_renamed(connection, matched, candidate):
            with store.transaction() as db:
                matched = keystones.rename_region(db, candidate.cloud, matched)
            return Match(matched, is_certain=False)
        is_same = _is_same(connection, identity, matched, candidate)
        if is_same is None and wait:
            raise _undecided(connection, candidate.cloud)
        if is_same:
            with store.transaction() as db:
                matched = keystones.join(db, matched, candidate.cloud)
        is_certain = is_certain and is_same is not None
    if matched.id == cloud.id and (choice.left_aside or choice.is_heir):
        with store.transaction() as db:
            matched = clouds.rename_cloud(db, matched, connection.cloud.name)
    return Match(matched, is_certain)


def _mark(store: Store, cloud: Cloud, choice: EntryChoice, identity: KeystoneIdentity) -> Cloud:
    """Write a cloud's marks, and its region if it has none; return the cloud of that region."""
    region, services = choice.connection.region, endpoints.roots(choice.connection)
    with store.transaction() as db:
        placed_cloud = cloud
        if not cloud.region and region:
            placed_cloud = keystones.put_in_region(db, cloud, region)
        if placed_cloud.id == cloud.id:
            keystones.record(db, placed_cloud, _marks(choice, identity) | {"services": services})
            keystones.leave_aside(db, placed_cloud, socket.gethostname(), choice.left_aside)
    return placed_cloud


def _marks(choice: EntryChoice, identity: KeystoneIdentity) -> keystones.Marks:
    """Return the marks of a cloud: the identity of its Keystone, and the entry in use.

    A shared choice keeps the marks of the other entry.
    """
    marks = {
        "urls": sorted(identity.urls),
        "ids": sorted(identity.ids),
        "project": identity.project,
    }
    if "shared" in choice.marks:
        marks["shared"] = choice.marks["shared"]
    if choice.is_shared:
        return {**choice.marks, **marks}
    unseen = choice.marks.get("unseen")
    if choice.blind_spots is not None:
        unseen = len(choice.blind_spots)
    return marks | {
        "entry": choice.connection.cloud.name,
        "host": socket.gethostname(),
        "credential": keystone_identity.credential_digest(choice.connection),
        "unseen": unseen,
    }


def _was_renamed(connection: Connection, cloud: Cloud, candidate: keystones.KnownKeystone) -> bool:
    """Return whether a candidate's region is gone and a cloud's region has its services."""
    services = endpoints.roots(connection)
    return bool(
        services
        and candidate.cloud.keystone == cloud.keystone
        and candidate.cloud.region not in connection.catalog.regions
        and candidate.marks.get("services") == services
    )


def _is_same(
    connection: Connection,
    identity: KeystoneIdentity,
    cloud: Cloud,
    candidate: keystones.KnownKeystone,
) -> bool | None:
    """Return whether a candidate is the same cloud as this one; None if undecided."""
    other_identity = identity_of(candidate.marks)
    if candidate.cloud.keystone == cloud.keystone:
        return False
    if not keystone_identity.may_be_same(identity, other_identity):
        return False
    return keystone_identity.is_same(connection, identity, other_identity, candidate.tenant_ids)


def _undecided(connection: Connection, cloud: Cloud) -> CloudError:
    return CloudError(
        f"{connection.cloud.name}: its catalog is the same as that of "
        f"{cloud.name}: the discovery of {cloud.name} decides whether both are one cloud"
    )


def refuse(store: Store, cloud: Cloud, candidates: Sequence[Connection], reason: str) -> None:
    """Write the reason why no entry of this machine is used for a cloud."""
    reasons = {connection.cloud.name: reason for connection in candidates}
    with store.transaction() as db:
        keystones.leave_aside(db, cloud, socket.gethostname(), reasons)


def group(store: Store, connections: Mapping[str, Connection]) -> list[list[Connection]]:
    """Return the entries grouped by cloud, as far as known; the entry in use comes first.

    Registered clouds precede new ones.
    """
    groups: dict[CloudKey, list[Connection]] = {}
    names: dict[CloudKey, str] = {}
    registered: set[CloudKey] = set()
    with store.read() as db:
        for connection in connections.values():
            owner = clouds.find(db, connection.cloud)
            cloud = owner or connection.cloud
            key = cloud.keystone, cloud.region
            if owner:
                registered.add(key)
            names.setdefault(key, str(keystones.marks_of(db, cloud).get("entry") or cloud.name))
            groups.setdefault(key, []).append(connection)
    # Registered clouds first: an entry may have a name that a registered cloud gave up.
    keys = sorted(groups, key=lambda key: key not in registered)
    return [_named_first(groups[key], names[key]) for key in keys]


def _named_first(connections: Sequence[Connection], name: str) -> list[Connection]:
    return sorted(connections, key=lambda connection: connection.cloud.name != name)


def adopt(connection: Connection, cloud: Cloud) -> None:
    """Set a connection's Keystone to the registered cloud's, which is the key of all writes."""
    entry = connection.entry
    connection.entry = replace(entry, cloud=replace(entry.cloud, keystone=cloud.keystone))
