"""Finding the rights that a user lacks, by probes of a cloud's services."""

from collections.abc import Callable
from functools import cache, partial

from keystoneauth1.adapter import Adapter
from keystoneauth1.exceptions import HttpError

from openstats.clouds.connection import Connection
from openstats.clouds.errors import translated, words_of
from openstats.clouds.json_documents import JsonObject
from openstats.clouds.rights import (
    DELETED_SERVERS,
    OK,
    ONE_SERVER,
    RIGHTS,
    SERVER_ID,
    Reply,
    Right,
    is_admin,
)
from openstats.clouds.service_user import SECTION

FetchDocument = Callable[[str, str], JsonObject]
"""Returns the document at a path of a service."""

Probe = Callable[[str, str], Reply]
"""Requests a path of a service; raises CloudError if there is no answer."""


def probe_of_cloud(connection: Connection) -> Probe:
    """Return a probe that calls a cloud's services as the collector's user."""

    def get(service: str, path: str) -> JsonObject:
        if service == "Placement":
            return dict(connection.placement.get(path).json())
        if service == "Keystone":
            _, body = connection.keystone.projects.client.get(path)
        else:
            client = connection.nova if service == "Nova" else connection.cinder
            _, body = client.client.get(path)
        return dict(body)

    return partial(_ask, connection.cloud.name, get)


def probe_of_service_user(keystone: Adapter) -> Probe:
    """Return a probe that calls Keystone as the API's service user."""
    return partial(_ask, SECTION, lambda _service, path: keystone.get(path).json())


def _ask(user: str, get: FetchDocument, service: str, path: str) -> Reply:
    with translated(user, f"{service}'s {path}"):
        try:
            return Reply(OK, "", get(service, path))
        except HttpError as error:
            return Reply(error.http_status, words_of(error), {})


def find_missing(probe: Probe, kind: str, *, quiet: bool = False) -> list[Right]:
    """Return the rights of a kind that the user lacks: about one call for each right.

    With ``quiet``, check only the rights without which openstats' own calls do not fail.

    Raises:
        CloudError: the cloud does not answer.
    """
    probe_once = cache(probe)
    missing = []
    for right in RIGHTS.get(kind, ()):
        if (right.quiet or not quiet) and not _is_granted(probe_once, right):
            missing.append(right)
    return missing


def _is_granted(probe: Probe, right: Right) -> bool:
    if SERVER_ID not in right.path:
        return right.is_granted(probe(right.service, right.path))
    servers = probe("Nova", ONE_SERVER).body.get("servers")
    if not servers:
        return is_admin(probe(right.service, DELETED_SERVERS))
    path = right.path.replace(SERVER_ID, str(servers[0]["id"]))
    return right.is_granted(probe(right.service, path))
