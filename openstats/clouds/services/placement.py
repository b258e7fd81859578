"""Placement: resource providers with their inventories and what is allocated of them."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import keystoneauth1.exceptions

from openstats.clouds.connection import Connection
from openstats.clouds.errors import translated
from openstats.clouds.figures import ratio, whole
from openstats.clouds.omissions import Omissions, read_items
from openstats.clouds.sanitize import UUID, clean
from openstats.model import Inventory, Provider

DISABLED = "COMPUTE_STATUS_DISABLED"
SHARING = "MISC_SHARES_VIA_AGGREGATE"


def providers(
    connection: Connection,
    known: Mapping[str, Provider],
    now: int,
    omissions: Omissions | None = None,
) -> list[Provider]:
    """List all providers: three calls, and two more for each that is not known at its generation.

    ``known`` are those that need not be read again unless their generation changed. A provider
    below a disabled root is disabled as well. Those that cannot be read are put into ``omissions``.
    """
    odd = omissions or Omissions(connection.cloud.name, "provider")
    with translated(connection.cloud.name, "Placement's /resource_providers"):
        rows = _get(connection, "/resource_providers")["resource_providers"]
        traits = {trait: _with(connection, trait) for trait in (DISABLED, SHARING)}
        one = partial(_provider, connection, known=known, traits=traits, now=now)
        listed = list(read_items(rows, one, odd))
        odd.refuse_all()
        return listed


def exists(connection: Connection, uuid: str) -> bool:
    """Return whether Placement shows a provider by its id: only a 404 says that it is gone."""
    path = f"/resource_providers/{uuid}"
    with translated(connection.cloud.name, f"Placement's {path}"):
        try:
            connection.placement.get(path)
        except keystoneauth1.exceptions.NotFound:
            return False
        return True


def traits(connection: Connection, uuid: str) -> set[str]:
    """Return the traits of a provider as it tells them itself: one call."""
    path = f"/resource_providers/{uuid}/traits"
    with translated(connection.cloud.name, f"Placement's {path}"):
        return set(_get(connection, path)["traits"])


def _with(connection: Connection, trait: str) -> set[str]:
    """Give the uuids of the providers that have a trait."""
    listed = _get(connection, f"/resource_providers?required={trait}")["resource_providers"]
    return {p["uuid"] for p in listed}


def _provider(
    connection: Connection,
    found: Any,
    known: Mapping[str, Provider],
    traits: Mapping[str, set[str]],
    now: int,
) -> Provider:
    uuid = clean(found["uuid"], UUID)
    before = known.get(uuid)
    unchanged = before if before and before.generation == found["generation"] else None
    return Provider(
        uuid=uuid,
        name=clean(found["name"]),
        root=clean(found["root_provider_uuid"], UUID),
        generation=whole(found, "generation"),
        # Only compute nodes can carry this one, which are roots.
        disabled=found["root_provider_uuid"] in traits[DISABLED],
        sharing=uuid in traits[SHARING],
        inventories=unchanged.inventories if unchanged else _inventories(connection, uuid),
        read_at=unchanged.read_at if unchanged else now,
    )


def _inventories(connection: Connection, uuid: str) -> tuple[Inventory, ...]:
    path = f"/resource_providers/{uuid}"
    with translated(connection.cloud.name, f"Placement's {path}"):
        inventories = _get(connection, f"{path}/inventories")["inventories"]
        usages = _get(connection, f"{path}/usages")["usages"]
        # Placement tells of each class that it has an inventory of, be it 0, and of no other.
        if unlisted := sorted(usages.keys() - inventories.keys()):
            raise ValueError(f"usages of {', '.join(unlisted)[:100]}, and no inventory of it")
        return tuple(
            Inventory(
                resource_class=clean(name),
                total=whole(i, "total"),
                reserved=whole(i, "reserved"),
                allocation_ratio=ratio(i, "allocation_ratio"),
                used=whole(usages, name),
            )
            for name, i in sorted(inventories.items())
        )


def _get(connection: Connection, path: str) -> Any:
    with translated(connection.cloud.name, f"Placement's {path}"):
        return connection.placement.get(path).json()
