"""References to entries on the command line: resolves names to uuids."""

from typing import TYPE_CHECKING
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
"""The resource that a field refers to, by the name of the field."""

SHOWN = 10
"""Maximum number of uuids that an error lists."""


def kind_of(field: str) -> str:
    """Return the kind of entry that a field refers to, such as ``project group``."""
    return RESOURCES[field].removesuffix("s").replace("-", " ")


def uuid_of(
    client: Api, resource: "Resource", key: str, *, kind: str, deleted: bool = False
) -> str:
    """Return the uuid of the entry that ``key`` refers to: a uuid, or a unique name.

    ``kind`` is the kind of entry in error messages.

    Raises:
        OpenstatsError: no entry, or more than one, has this name.
    """
    try:
        return str(UUID(key))
    except ValueError:
        pass
    if "name" not in resource.filters.model_fields:
        raise OpenstatsError(f"{kind} {key!r}: must be a UUID")
    query: list[tuple[str, object]] = [("name", key), ("limit", SHOWN + 1)]
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
    """Return the uuid of the entry that the value of a field refers to: a uuid, or a unique name.

    Raises:
        OpenstatsError: no entry, or more than one, has this name.
    """
    from openstats.api import routes

    name = RESOURCES[field]
    (resource,) = (resource for resource in routes.RESOURCES if resource.name == name)
    return uuid_of(client, resource, value, kind=kind_of(field))


def scope(client: Api, text: str) -> dict[str, str]:
    """Return the scope of a role or alert, from KIND=UUID or KIND=NAME.

    An unknown KIND is passed on, for the API to refuse.

    Raises:
        OpenstatsError: no entry, or more than one, has this name.
    """
    kind, _, key = text.partition("=")
    field = kind.replace("-", "_")
    return {field: resolved(client, field, key) if field in RESOURCES and key else key}
