"""Which Keystone it is that one signed in to, and how much of it one sees.

A Keystone has several URLs, and two Keystones may have the same one, each in its own network: what
tells them apart are the endpoints of their catalogs together with the ids of their projects.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

from openstats.clouds import rights
from openstats.clouds.connection import Connection
from openstats.clouds.errors import CLIENT_ERRORS, translated
from openstats.errors import CloudError

ESSENTIAL = ("Keystone", "Nova, hypervisors", "Nova, servers", "Cinder, volumes")
"""Kinds of rights without which one sees a part of a cloud."""

MOST_ASKED = 10
"""Projects that are asked for to tell whether a Keystone is the one that had them."""

MISSING, UNAUTHORIZED = 404, (401, 403)

DIGITS = 16
"""Of the digest of a credential."""


@dataclass(frozen=True)
class KeystoneIdentity:
    """What a Keystone is known by.

    ``urls`` are the identity endpoints of its catalog, compared; ``ids`` those of these endpoints,
    where it tells them; ``project`` is the project that one is signed in to.
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
    """Return what tells the user, project and roles of a connection from others; it signs in.

    Entries of one name, in the files of several machines, may have different rights.

    Raises:
        CloudError: one cannot sign in.
    """
    with translated(connection.cloud.name, "signing in"):
        token = connection.session.auth.get_access(connection.session)
        known_by = token.user_id, token.project_id, *sorted(token.role_names)
    return sha256(" ".join(map(str, known_by)).encode()).hexdigest()[:DIGITS]


def may_be_same(one: KeystoneIdentity, other: KeystoneIdentity) -> bool:
    """Return whether both may be one Keystone: their catalogs do not contradict one another."""
    if not one.urls or not other.urls:
        return False
    nested = one.urls <= other.urls or other.urls <= one.urls
    differ = one.ids and other.ids and not one.ids & other.ids
    return nested and not differ


def is_same(
    connection: Connection, own: KeystoneIdentity, other: KeystoneIdentity, tenant_ids: Set[str]
) -> bool | None:
    """Return whether another Keystone is that of a connection; None: it cannot be told yet.

    ``tenant_ids`` are the projects that are known of the other one, none before its discovery.
    """
    if not may_be_same(own, other):
        return False
    if own.project == other.project or own.project in tenant_ids:
        return True
    is_known = has_project(connection, other.project)
    if is_known is None and tenant_ids:
        return False
    return is_known


def is_same_cloud(one: Connection, other: Connection) -> bool:
    """Return whether two connections ask one cloud: the same region of the same Keystone."""
    return one.region == other.region and share_keystone(one, other)


def share_keystone(one: Connection, other: Connection) -> bool:
    """Return whether two connections have signed in to one Keystone."""
    first, second = identify(one), identify(other)
    nobody = frozenset[str]()
    return bool(is_same(one, first, second, nobody) or is_same(other, second, first, nobody))


def has_project(connection: Connection, project: str) -> bool | None:
    """Return whether a connection's Keystone has a project; None: it does not say to this user."""
    with translated(connection.cloud.name, f"Keystone's project {project}"):
        try:
            connection.keystone.projects.client.get(f"/projects/{project}")
        except CLIENT_ERRORS as error:
            status = getattr(error, "http_status", None)
            return False if status == MISSING else None
        return True


def has_most_projects(connection: Connection, projects: Sequence[str]) -> bool | None:
    """Return whether a connection's Keystone has at least half of some projects.

    None: it does not say to this user. A few, evenly spread, stand for all.
    """
    sample = projects[:: 1 + len(projects) // MOST_ASKED]
    answers = [has_project(connection, project) for project in sample]
    told = [answer for answer in answers if answer is not None]
    return 2 * sum(told) >= len(told) if told else None


def list_blind_spots(connection: Connection) -> list[str]:
    """Return what keeps a user from seeing the whole of a cloud: one sentence each."""
    sentences = []
    ask = partial(rights.missing, rights.of_cloud(connection))
    for kind in ESSENTIAL:
        if kind.startswith("Cinder") and not connection.entry.settings.block_storage:
            continue
        try:
            sentences += [str(right) for right in ask(kind)]
        except CloudError as error:
            sentences.append(str(error))
    return sentences
