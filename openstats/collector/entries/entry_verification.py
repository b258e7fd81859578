"""Verifying that an entry whose URL or region changed still leads to its registered cloud.

The projects in Keystone and the service endpoints identify a cloud; the entry's name does not.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

from openstats.auth_url import compared
from openstats.clouds import endpoints
from openstats.clouds.connection import Connection
from openstats.clouds.services import keystone_identity
from openstats.clouds.services.keystone_identity import KeystoneIdentity
from openstats.clouds.sign_in import is_transient
from openstats.errors import CloudError
from openstats.model import Cloud
from openstats.storage.registry import keystones
from openstats.storage.store import Store


class AnotherCloudError(CloudError):
    """No entry of a registered cloud leads to it any more."""


@dataclass(frozen=True)
class RegisteredCloud:
    """A registered cloud, its marks, and the Keystone ids of its tenants.

    ``linked_ids`` are the tenants that belong to projects.
    """

    cloud: Cloud
    marks: keystones.Marks
    tenant_ids: Set[str]
    linked_ids: Sequence[str]

    @property
    def identity(self) -> KeystoneIdentity | None:
        """The identity of its Keystone; None before the first sign-in."""
        return identity_of(self.marks) if self.marks else None


@dataclass(frozen=True)
class Verification:
    """A registered cloud, the entries that lead to it, and why others do not (by name)."""

    cloud: Cloud
    candidates: list[Connection]
    rejections: Mapping[str, str]


def identity_of(marks: keystones.Marks) -> KeystoneIdentity:
    """Return the identity of a Keystone from its marks."""
    return KeystoneIdentity(
        frozenset(marks["urls"]), frozenset(marks["ids"]), str(marks["project"])
    )


def cloud_of_entry(connection: Connection) -> Cloud:
    """Return the cloud of an entry as clouds.yaml describes it."""
    return replace(connection.cloud, keystone=compared(connection.cloud.auth_url))


def verify(
    store: Store, cloud: Cloud, candidates: Sequence[Connection], *, is_heir: bool
) -> Verification:
    """Return which entries lead to a registered cloud; move it to the new URL of its own entry.

    ``is_heir`` tells that the entry in the marks is gone, and that any other entry may replace it.

    Raises:
        AnotherCloudError: no entry leads to the cloud.
        CloudError: Keystone does not answer.
    """
    moved = [candidate for candidate in candidates if not _is_as_registered(candidate, cloud)]
    if not moved:
        return Verification(cloud, list(candidates), {})
    registered = _registered(store, cloud)
    rejections, verified = _divide(moved, registered, is_only=len(candidates) == 1)
    leading = [candidate for candidate in candidates if candidate.cloud.name not in rejections]
    if not leading:
        sentences = (f"the entry {n} of clouds.yaml: {why}" for n, why in rejections.items())
        raise AnotherCloudError("; ".join(sentences))
    heirs = [entry for entry in verified if is_heir or entry.cloud.name == cloud.name]
    if heirs and all(candidate in moved for candidate in leading):
        with store.transaction() as db:
            cloud = keystones.move(db, cloud, cloud_of_entry(heirs[0]), heirs[0].region)
    return Verification(cloud, leading, rejections)


def _is_as_registered(connection: Connection, cloud: Cloud) -> bool:
    entry_cloud = cloud_of_entry(connection)
    return (entry_cloud.keystone, entry_cloud.region) == (cloud.keystone, cloud.region)


def _registered(store: Store, cloud: Cloud) -> RegisteredCloud:
    with store.read() as db:
        return RegisteredCloud(
            cloud,
            keystones.marks_of(db, cloud),
            keystones.tenant_ids(db, cloud.id),
            keystones.linked_ids(db, cloud),
        )


def _divide(
    connections: Sequence[Connection], registered: RegisteredCloud, *, is_only: bool
) -> tuple[dict[str, str], list[Connection]]:
    """Return why entries do not lead to a cloud, and which do; leave out those that cannot sign in.

    Raises:
        CloudError: the failure is transient, or the only entry cannot sign in.
    """
    rejections: dict[str, str] = {}
    verified: list[Connection] = []
    for connection in connections:
        try:
            rejection = _rejection(connection, registered)
        except CloudError as error:
            if is_only or is_transient(error):
                raise
            continue
        if rejection:
            rejections[connection.cloud.name] = rejection
        else:
            verified.append(connection)
    return rejections, verified


def _rejection(connection: Connection, registered: RegisteredCloud) -> str | None:
    """Return why an entry does not lead to a cloud; None if it does.

    Raises:
        CloudError: the sign-in fails.
    """
    cloud = registered.cloud
    if cloud.region and not _is_in_region(connection, registered):
        return _sentence(cloud, f"in region {cloud.region}")
    if not _is_of_keystone(connection, registered):
        return _sentence(cloud, f"at {cloud.auth_url}")
    return None


def _sentence(cloud: Cloud, position: str) -> str:
    return (
        f"it leads to another cloud than {cloud.name}, which was {position} and keeps its "
        "figures: rename the entry, and restart the collector to register it as a new cloud"
    )


def _is_in_region(connection: Connection, registered: RegisteredCloud) -> bool:
    """Return whether an entry is in a cloud's region, or in one with the same endpoints."""
    if connection.region in ("", registered.cloud.region):
        return True
    services = registered.marks.get("services")
    if services is None:
        return registered.cloud.region not in connection.catalog.regions
    return bool(services == endpoints.roots(connection))


def _is_of_keystone(connection: Connection, registered: RegisteredCloud) -> bool:
    """Return whether an entry's Keystone is the cloud's, by its URL or by its projects."""
    is_at_url = cloud_of_entry(connection).keystone == registered.cloud.keystone
    if is_at_url or not registered.tenant_ids:
        return True
    identity, marked = keystone_identity.identify(connection), registered.identity
    has_project = identity.project in registered.tenant_ids
    if has_project and marked and keystone_identity.may_be_same(identity, marked):
        return True
    has_most = keystone_identity.has_most_projects(connection, registered.linked_ids)
    return has_project if has_most is None else has_most
