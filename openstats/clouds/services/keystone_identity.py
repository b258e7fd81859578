"""The identity of the Keystone that a connection uses, and how much of a cloud its user sees.

A Keystone may have several URLs, and two Keystones in separate networks may have the same URL. The
endpoints of their catalogs together with the ids of their projects identify them.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from hashlib import sha256

from keystoneauth1.exceptions import HttpError, NotFound

from openstats.clouds import missing_rights
from openstats.clouds.connection import SIGNING_IN, Connection
from openstats.clouds.errors import translated
from openstats.errors import CloudError

ESSENTIAL = ("Keystone", "Nova, hypervisors", "Nova, servers", "Cinder, volumes")
"""Kinds of rights without which a user sees only a part of a cloud."""

SAMPLE_SIZE = 10
"""The number of projects that are requested to recognise the Keystone that had them."""

DIGEST_LENGTH = 16
"""The number of hexadecimal digits in the digest of a credential."""


@dataclass(frozen=True)
class KeystoneIdentity:
    """The identity of a Keystone.

    ``urls`` are the identity endpoints of its catalog, normalised for comparison. ``ids`` are the
    ids of its identity service and endpoints, if the catalog has them. ``project`` is the id of the
    token's project.
    """

    urls: frozenset[str]
    ids: frozenset[str]
    project: str


def identify(connection: Connection) -> KeystoneIdentity:
    """Sign in; return the identity of a connection's Keystone.

    Raises:
        CloudError: the sign-in fails, or the token is not for a project.
    """
    catalog = connection.catalog
    urls, ids = frozenset(catalog.identity_urls), frozenset(catalog.ids)
    return KeystoneIdentity(urls, ids, connection.project)


def credential_digest(connection: Connection) -> str:
    """Sign in; return a digest of a connection's user, project and roles.

    It distinguishes entries of the same name on several machines, which may have different rights.

    Raises:
        CloudError: the sign-in fails.
    """
    with translated(connection.cloud.name, SIGNING_IN):
        access = connection.access
        parts = access.user_id, access.project_id, *sorted(access.role_names or ())
    return sha256(" ".join(map(str, parts)).encode()).hexdigest()[:DIGEST_LENGTH]


def may_be_same(first: KeystoneIdentity, second: KeystoneIdentity) -> bool:
    """Return whether two identities may belong to one Keystone: their catalogs are consistent."""
    if not first.urls or not second.urls:
        return False
    are_nested = first.urls <= second.urls or second.urls <= first.urls
    have_ids = bool(first.ids and second.ids)
    return are_nested and not (have_ids and first.ids.isdisjoint(second.ids))


def is_same(
    connection: Connection,
    identity: KeystoneIdentity,
    candidate: KeystoneIdentity,
    tenant_ids: Set[str],
) -> bool | None:
    """Return whether a candidate is the Keystone of a connection; None if undecided.

    ``identity`` belongs to the connection. ``tenant_ids`` are the known projects of the candidate,
    which are empty before its discovery.
    """
    if not may_be_same(identity, candidate):
        return False
    if identity.project == candidate.project or identity.project in tenant_ids:
        return True
    is_known = has_project(connection, candidate.project)
    return False if is_known is None and tenant_ids else is_known


def is_same_cloud(first: Connection, second: Connection) -> bool:
    """Return whether two connections use one cloud: the same region of the same Keystone."""
    return first.region == second.region and share_keystone(first, second)


def share_keystone(first: Connection, second: Connection) -> bool:
    """Return whether two connections use the same Keystone."""
    one, two = identify(first), identify(second)
    unknown = frozenset[str]()
    return bool(is_same(first, one, two, unknown) or is_same(second, two, one, unknown))


def has_project(connection: Connection, project: str) -> bool | None:
    """Return whether a connection's Keystone has a project; None if the user must not see it."""
    with translated(connection.cloud.name, f"Keystone's project {project}"):
        try:
            connection.keystone.projects.client.get(f"/projects/{project}")
        except NotFound:
            return False
        except HttpError:
            return None
        return True


def has_most_projects(connection: Connection, projects: Sequence[str]) -> bool | None:
    """Return whether a connection's Keystone has at least half of the given projects.

    Request an evenly spaced sample. Return None if the user must not see any of them.
    """
    sample = projects[:: 1 + len(projects) // SAMPLE_SIZE]
    answers = [has_project(connection, project) for project in sample]
    present, absent = answers.count(True), answers.count(False)
    return present >= absent if present or absent else None


def list_blind_spots(connection: Connection) -> list[str]:
    """Return the reasons why the user does not see the whole cloud, a sentence each."""
    sentences: list[str] = []
    probe = missing_rights.probe_of_cloud(connection)
    for kind in ESSENTIAL:
        if kind.startswith("Cinder") and not connection.entry.settings.block_storage:
            continue
        try:
            sentences += map(str, missing_rights.find_missing(probe, kind))
        except CloudError as error:
            sentences.append(str(error))
    return sentences
