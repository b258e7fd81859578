"""Entries whose URL or region is not the registered cloud's: whether they still lead to it.

What a cloud is, its Keystone's projects and its services tell, not the name of the entry.
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
    """The entry of a cloud leads to another one now."""


@dataclass(frozen=True)
class Known:
    """What a registered cloud is known by."""

    cloud: Cloud
    marks: keystones.Marks
    tenant_ids: Set[str]
    linked_ids: Sequence[str]

    @property
    def identity(self) -> KeystoneIdentity | None:
        """What its Keystone is known by; None before the first sign-in."""
        return identity_of(self.marks) if self.marks else None


@dataclass(frozen=True)
class Confirmed:
    """A cloud as it is known by now, the entries that lead to it, and why others do not."""

    cloud: Cloud
    candidates: list[Connection]
    rejected: Mapping[str, str]


def identity_of(marks: keystones.Marks) -> KeystoneIdentity:
    """Return what a Keystone is known by, as it was marked."""
    return KeystoneIdentity(
        frozenset(marks["urls"]), frozenset(marks["ids"]), str(marks["project"])
    )


def written(connection: Connection) -> Cloud:
    """Return the cloud of an entry as clouds.yaml tells it, whatever it turned out to be."""
    return replace(connection.cloud, keystone=compared(connection.cloud.auth_url))


def confirm(
    store: Store, cloud: Cloud, candidates: Sequence[Connection], *, is_heir: bool
) -> Confirmed:
    """Return which entries lead to a registered cloud; it moves to where its own entry leads.

    ``is_heir``: the entry by which it was asked is gone, and any other takes its place.

    Raises:
        AnotherCloudError: none of them does.
        CloudError: Keystone does not answer.
    """
    changed = [each for each in candidates if not _is_as_registered(each, cloud)]
    if not changed:
        return Confirmed(cloud, list(candidates), {})
    known = _known(store, cloud)
    rejected, verified = _verified(changed, known, is_only=len(candidates) == 1)
    leading = [each for each in candidates if each.cloud.name not in rejected]
    if not leading:
        words = (f"the entry {name} of clouds.yaml: {fault}" for name, fault in rejected.items())
        raise AnotherCloudError("; ".join(words))
    own = [each for each in verified if is_heir or each.cloud.name == cloud.name]
    if own and all(each in changed for each in leading):
        with store.transaction() as db:
            cloud = keystones.move(db, cloud, written(own[0]), own[0].region)
    return Confirmed(cloud, leading, rejected)


def _known(store: Store, cloud: Cloud) -> Known:
    with store.read() as db:
        ids = keystones.tenant_ids(db, cloud.id)
        return Known(cloud, keystones.marks_of(db, cloud), ids, keystones.linked_ids(db, cloud))


def _verified(
    changed: Sequence[Connection], known: Known, *, is_only: bool
) -> tuple[dict[str, str], list[Connection]]:
    """Return why entries do not lead to a cloud, and which do; who cannot sign in is neither.

    Raises:
        CloudError: it cannot be told in this moment.
    """
    rejected: dict[str, str] = {}
    verified: list[Connection] = []
    for each in changed:
        try:
            fault = _fault(each, known)
        except CloudError as error:
            if is_only or is_transient(error):
                raise
            continue
        if fault:
            rejected[each.cloud.name] = fault
        else:
            verified.append(each)
    return rejected, verified


def _is_as_registered(connection: Connection, cloud: Cloud) -> bool:
    place = written(connection)
    return (place.keystone, place.region) == (cloud.keystone, cloud.region)


def _fault(connection: Connection, known: Known) -> str | None:
    """Return why an entry does not lead to a cloud; None: it does.

    Raises:
        CloudError: one cannot sign in.
    """
    if known.cloud.region and not _is_in_region(connection, known):
        return _sentence(known, f"in region {known.cloud.region}")
    if not _is_of_keystone(connection, known):
        return _sentence(known, f"at {known.cloud.auth_url}")
    return None


def _is_in_region(connection: Connection, known: Known) -> bool:
    """Return whether an entry is in a cloud's region, or in one that has the same services."""
    if connection.region in ("", known.cloud.region):
        return True
    services = known.marks.get("services")
    if services is None:
        return known.cloud.region not in connection.catalog.regions
    return bool(services == endpoints.roots(connection))


def _is_of_keystone(connection: Connection, known: Known) -> bool:
    if written(connection).keystone == known.cloud.keystone or not known.tenant_ids:
        return True
    own, other = keystone_identity.identify(connection), known.identity
    is_known = own.project in known.tenant_ids
    if is_known and other and keystone_identity.may_be_same(own, other):
        return True
    has_most = keystone_identity.has_most_projects(connection, known.linked_ids)
    return is_known if has_most is None else has_most


def _sentence(known: Known, former: str) -> str:
    return (
        f"it leads to another cloud than {known.cloud.name}, which was {former} and keeps its "
        "figures: give the entry another name, and it becomes a cloud of its own when the "
        "collector starts"
    )
