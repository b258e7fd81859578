"""Placement: resource providers with their inventories, allocations and traits."""

from collections.abc import Mapping
from dataclasses import dataclass

from keystoneauth1.exceptions import NotFound

from openstats.clouds.connection import Connection
from openstats.clouds.errors import translated
from openstats.clouds.figures import integer, ratio
from openstats.clouds.json_documents import JsonObject
from openstats.clouds.omissions import Omissions, read_items
from openstats.clouds.sanitize import UUID_LENGTH, clean
from openstats.model import Inventory, Provider

DISABLED = "COMPUTE_STATUS_DISABLED"
SHARING = "MISC_SHARES_VIA_AGGREGATE"
PROVIDERS = "/resource_providers"


def providers(
    connection: Connection,
    known_providers: Mapping[str, Provider],
    now: int,
    omissions: Omissions | None = None,
) -> list[Provider]:
    """Return all providers: three calls, and two more for each new or changed one.

    Providers in ``known_providers`` (by uuid) are read again only if their generation changed. A
    provider below a disabled root is disabled too. Unreadable providers are added to ``omissions``.
    """
    omissions = omissions or Omissions(connection.cloud.name, "provider")
    with translated(connection.cloud.name, f"Placement's {PROVIDERS}"):
        rows = _get(connection, PROVIDERS)["resource_providers"]
        disabled, sharing = _with_trait(connection, DISABLED), _with_trait(connection, SHARING)
        reader = _ProviderReader(connection, known_providers, disabled, sharing, now)
        read_providers = list(read_items(rows, reader.read, omissions))
        omissions.refuse_all()
        return read_providers


@dataclass(frozen=True)
class _ProviderReader:
    """Reads providers; ``disabled`` and ``sharing`` hold the uuids with these traits."""

    connection: Connection
    known_providers: Mapping[str, Provider]
    disabled: set[str]
    sharing: set[str]
    now: int

    def read(self, row: JsonObject) -> Provider:
        """Return a provider; read its inventories if its generation changed."""
        uuid, root = clean(row["uuid"], UUID_LENGTH), clean(row["root_provider_uuid"], UUID_LENGTH)
        name, generation = clean(row["name"]), integer(row, "generation")
        former = self.known_providers.get(uuid)
        if former and former.generation == generation:
            inventories, read_at = former.inventories, former.read_at
        else:
            inventories, read_at = _inventories(self.connection, uuid), self.now
        return Provider(
            uuid=uuid,
            name=name,
            root=root,
            generation=generation,
            # Only compute nodes can carry this trait, and they are roots.
            disabled=root in self.disabled,
            sharing=uuid in self.sharing,
            inventories=inventories,
            read_at=read_at,
        )


def exists(connection: Connection, uuid: str) -> bool:
    """Return whether Placement has a provider: False only after a 404 for its id."""
    path = f"{PROVIDERS}/{uuid}"
    with translated(connection.cloud.name, f"Placement's {path}"):
        try:
            connection.placement.get(path)
        except NotFound:
            return False
        return True


def traits(connection: Connection, uuid: str) -> set[str]:
    """Return the traits of a provider, from its own resource: one call."""
    path = f"{PROVIDERS}/{uuid}/traits"
    with translated(connection.cloud.name, f"Placement's {path}"):
        return set(_get(connection, path)["traits"])


def _with_trait(connection: Connection, trait: str) -> set[str]:
    """Return the uuids of the providers that have a trait."""
    rows = _get(connection, f"{PROVIDERS}?required={trait}")["resource_providers"]
    return {row["uuid"] for row in rows}


def _inventories(connection: Connection, uuid: str) -> tuple[Inventory, ...]:
    path = f"{PROVIDERS}/{uuid}"
    with translated(connection.cloud.name, f"Placement's {path}"):
        rows = _get(connection, f"{path}/inventories")["inventories"]
        usages = _get(connection, f"{path}/usages")["usages"]
        # Placement lists the usage, even 0, of exactly the classes that have an inventory.
        if unlisted := sorted(usages.keys() - rows.keys()):
            raise ValueError(f"usages of {', '.join(unlisted)[:100]}, and no inventory of it")
        return tuple(_inventory(name, rows[name], usages) for name in sorted(rows))


def _inventory(resource_class: str, row: JsonObject, usages: JsonObject) -> Inventory:
    return Inventory(
        resource_class=clean(resource_class),
        total=integer(row, "total"),
        reserved=integer(row, "reserved"),
        allocation_ratio=ratio(row, "allocation_ratio"),
        used=integer(usages, resource_class),
    )


def _get(connection: Connection, path: str) -> JsonObject:
    with translated(connection.cloud.name, f"Placement's {path}"):
        return dict(connection.placement.get(path).json())
