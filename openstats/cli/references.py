"""What other entries are called on the command line: by their uuids, or by their names."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from openstats.cli.api import Api
from openstats.errors import OpenstatsError

if TYPE_CHECKING:
    from openstats.api.registry.resources import Resource

RESOURCES = {
    "customer": "customers",
    "project": "projects",
    "projects": "projects",
    "project_group": "project-groups",
    "project_groups": "project-groups",
    "tenant": "tenants",
    "instance": "instances",
    "cloud": "clouds",
}
"""By the name of a field: the resource whose entries it refers to."""

SHOWN = 10
"""Uuids that an error lists."""


def kind_of(field: str) -> str:
    """Return what one entry is called that a field refers to."""
    return RESOURCES[field].removesuffix("s").replace("-", " ")


def uuid_of(
    client: Api, resource: "Resource", key: str, *, kind: str, deleted: bool = False
) -> str:
    """Return the uuid of an entry that is named by it, or by a name that no other one has.

    ``kind`` is what an error calls the entry.

    Raises:
        OpenstatsError: there is no such entry, or there are several.
    """
    try:
        return str(UUID(key))
    except ValueError:
        pass
    if "name" not in resource.filters.model_fields:
        raise OpenstatsError(f"{kind} {key!r}: must be a UUID")
    query: list[tuple[str, Any]] = [("name", key), ("limit", SHOWN + 1)]
    if deleted:
        query.append(("deleted", "true"))
    uuids = [str(entry["uuid"]) for entry in client.entries(resource.url, resource.key, query)]
    if len(uuids) != 1:
        raise OpenstatsError(f"{kind} {key!r}: {_ambiguity(kind, uuids)}")
    return uuids[0]


def _ambiguity(kind: str, uuids: list[str]) -> str:
    if not uuids:
        noun = kind.rsplit(maxsplit=1)[-1]
        return f"not found; run 'openstats {noun} list' to see all"
    choices = ", ".join(uuids[:SHOWN]) + (", ..." if len(uuids) > SHOWN else "")
    return f"the name is not unique; use one of the UUIDs {choices}"


def resolved(client: Api, field: str, value: str) -> str:
    """Return the uuid of an entry that the value of a field refers to.

    Raises:
        OpenstatsError: there is no such entry, or there are several.
    """
    from openstats.api import routes

    name = RESOURCES[field]
    (resource,) = (resource for resource in routes.RESOURCES if resource.name == name)
    return uuid_of(client, resource, value, kind=kind_of(field))


def scope(client: Api, text: str) -> dict[str, str]:
    """Return what a role or alert is on, from KIND=UUID or KIND=NAME.

    What is no kind is left to the API to refuse.

    Raises:
        OpenstatsError: there is no such entry, or there are several.
    """
    kind, _, key = text.partition("=")
    field = kind.replace("-", "_")
    return {field: resolved(client, field, key) if field in RESOURCES and key else key}
