"""Placement: resource providers with their inventories and what is allocated of them."""

from collections.abc import Mapping
from typing import Any

from openstats.clouds.asking import asking
from openstats.clouds.connection import Connection
from openstats.clouds.figures import ratio, whole
from openstats.clouds.text import UUID, text
from openstats.model import Inventory, Provider

DISABLED = "COMPUTE_STATUS_DISABLED"
SHARING = "MISC_SHARES_VIA_AGGREGATE"


def providers(connection: Connection, known: Mapping[str, Provider], now: int) -> list[Provider]:
    """List all providers: three calls, and two more for each that is not known at its generation.

    ``known`` are those that need not be read again unless their generation changed. A provider
    below a disabled root is disabled as well.
    """
    with asking(connection.cloud.name, "Placement's /resource_providers"):
        found = _get(connection, "/resource_providers")["resource_providers"]
        traits = {trait: _with(connection, trait) for trait in (DISABLED, SHARING)}
        return [_provider(connection, p, known.get(p["uuid"]), traits, now) for p in found]


def _with(connection: Connection, trait: str) -> set[str]:
    """Give the uuids of the providers that have a trait."""
    listed = _get(connection, f"/resource_providers?required={trait}")["resource_providers"]
    return {p["uuid"] for p in listed}


def _provider(
    connection: Connection,
    found: Any,
    known: Provider | None,
    traits: Mapping[str, set[str]],
    now: int,
) -> Provider:
    unchanged = known if known and known.generation == found["generation"] else None
    return Provider(
        uuid=text(found["uuid"], UUID),
        name=text(found["name"]),
        root=text(found["root_provider_uuid"], UUID),
        generation=whole(found, "generation"),
        # Only compute nodes can carry this one, which are roots.
        disabled=found["root_provider_uuid"] in traits[DISABLED],
        sharing=found["uuid"] in traits[SHARING],
        inventories=unchanged.inventories if unchanged else _inventories(connection, found["uuid"]),
        read_at=unchanged.read_at if unchanged else now,
    )


def _inventories(connection: Connection, uuid: str) -> tuple[Inventory, ...]:
    path = f"/resource_providers/{uuid}"
    with asking(connection.cloud.name, f"Placement's {path}"):
        inventories = _get(connection, f"{path}/inventories")["inventories"]
        usages = _get(connection, f"{path}/usages")["usages"]
        return tuple(
            Inventory(
                resource_class=text(name),
                total=whole(i, "total"),
                reserved=whole(i, "reserved"),
                allocation_ratio=ratio(i, "allocation_ratio"),
                used=whole(usages, name) if name in usages else 0,
            )
            for name, i in sorted(inventories.items())
        )


def _get(connection: Connection, path: str) -> Any:
    with asking(connection.cloud.name, f"Placement's {path}"):
        return connection.placement.get(path).json()
