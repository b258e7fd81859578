"""Which Keystone it is that a connection has signed in to, and how much of it the user sees.

A Keystone has several URLs, and two Keystones may have the same one, each in its own network: they
are told apart by the endpoints of their catalogs together with the ids of their projects.
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
"""Kinds of rights without which a user sees a part of a cloud only."""

SAMPLE = 10
"""Projects that are asked for to decide whether a Keystone is the one that had them."""

DIGITS = 16
"""Hexadecimal digits that are kept of the digest of a credential."""


@dataclass(frozen=True)
class KeystoneIdentity:
    """What identifies a Keystone.

    ``urls`` are the identity endpoints of its catalog, in compared form; ``ids`` are the ids of
    these endpoints, where the catalog has any; ``project`` is the project of the token.
    """

    urls: frozenset[str]
    ids: frozenset[str]
    project: str


def identify(connection: Connection) -> KeystoneIdentity:
    """Return the identity of the Keystone of a connection, which signs in.

    Raises:
        CloudError: one cannot sign in, or the token is not for a project.
    """
    catalog = connection.catalog
    urls, ids = frozenset(catalog.identity_urls), frozenset(catalog.ids)
    return KeystoneIdentity(urls, ids, connection.project)


def credential_digest(connection: Connection) -> str:
    """Return a digest of the user, project and roles of a connection, which signs in.

    Entries of one name, in the files of several machines, may have different rights.

    Raises:
        CloudError: one cannot sign in.
    """
    with translated(connection.cloud.name, SIGNING_IN):
        access = connection.access
        parts = access.user_id, access.project_id, *sorted(access.role_names)
    return sha256(" ".join(map(str, parts)).encode()).hexdigest()[:DIGITS]


def may_be_same(first: KeystoneIdentity, second: KeystoneIdentity) -> bool:
    """Return whether two identities may be one Keystone's: their catalogs do not contradict."""
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
    """Return whether another Keystone is that of a connection; None: it cannot be decided yet.

    ``identity`` is that of the connection. ``tenant_ids`` are the projects that are known of the
    candidate, none before its discovery.
    """
    if not may_be_same(identity, candidate):
        return False
    if identity.project == candidate.project or identity.project in tenant_ids:
        return True
    is_known = has_project(connection, candidate.project)
    return False if is_known is None and tenant_ids else is_known


def is_same_cloud(first: Connection, second: Connection) -> bool:
    """Return whether two connections ask one cloud: the same region of the same Keystone."""
    return first.region == second.region and share_keystone(first, second)


def share_keystone(first: Connection, second: Connection) -> bool:
    """Return whether two connections have signed in to one Keystone."""
    one, two = identify(first), identify(second)
    unknown = frozenset[str]()
    return bool(is_same(first, one, two, unknown) or is_same(second, two, one, unknown))


def has_project(connection: Connection, project: str) -> bool | None:
    """Return whether a connection's Keystone has a project; None: the user may not know."""
    with translated(connection.cloud.name, f"Keystone's project {project}"):
        try:
            connection.keystone.projects.client.get(f"/projects/{project}")
        except NotFound:
            return False
        except HttpError:
            return None
        return True


def has_most_projects(connection: Connection, projects: Sequence[str]) -> bool | None:
    """Return whether a connection's Keystone has at least half of some projects.

    None: the user may not know. A few projects, evenly spread, are asked for.
    """
    sample = projects[:: 1 + len(projects) // SAMPLE]
    answers = [has_project(connection, project) for project in sample]
    present, absent = answers.count(True), answers.count(False)
    return present >= absent if present or absent else None


def list_blind_spots(connection: Connection) -> list[str]:
    """Return what keeps the user from seeing the whole of a cloud: a sentence for each reason."""
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
