"""Clouds in the HTTP API: their models, and their registration from entries of clouds.yaml."""

from dataclasses import replace
from typing import Any

from oslo_log import log
from pydantic import BaseModel, ConfigDict, Field, create_model

from openstats.api.registry.writers import Fields, Writer
from openstats.clouds.clouds_yaml import entries
from openstats.clouds.clouds_yaml.entries import CloudEntry
from openstats.clouds.clouds_yaml.settings import settings_of
from openstats.conf.clouds import read
from openstats.errors import BodyError, ConfigError, must_be
from openstats.http.body import Body
from openstats.http.fields import Name, Uuid
from openstats.meters import CAPACITY
from openstats.model import Scope
from openstats.statistics.resource import by_class, by_zone
from openstats.storage.entries.clouds import CLOUDS
from openstats.storage.entries.pagination import Entry
from openstats.storage.inventory import resource_providers
from openstats.storage.registry import clouds
from openstats.storage.store import Database

LOG = log.getLogger(__name__)


CloudCapacity: type[BaseModel] = create_model(
    "CloudCapacity",
    **dict.fromkeys((*CAPACITY, "collected_at"), (int, ...)),  # type: ignore[call-overload]
)


class ResourceClass(BaseModel):
    """Sums of Placement's inventories of one resource class; effective is what can be allocated.

    allocation_ratio is null if providers have different ratios.
    """

    total: int
    reserved: int
    used: int
    allocation_ratio: float | None
    effective: int


class QuotaSums(BaseModel):
    """The sum of the limits, the number of unlimited tenants, and the use."""

    limited: int
    unlimited: int
    in_use: int


class Meter(BaseModel):
    """A meter of usage, and the time until which its readings are complete."""

    item: str
    basis: str
    complete_until: int


class ComputeHosts(BaseModel):
    """Numbers of compute hosts: enabled and up, enabled and down, and disabled."""

    up: int
    down: int
    disabled: int


class LeftAside(BaseModel):
    """An entry of clouds.yaml for the same cloud that is not used, and the reason."""

    name: str
    reason: str


class SharedService(BaseModel):
    """A service that another cloud shares; its figures count for that cloud, which is named."""

    service: str
    cloud: str


class Cloud(BaseModel):
    """A cloud. Callers who do not see everything get its uuid and name only."""

    uuid: Uuid
    name: str
    auth_url: str = ""
    region: str = ""
    last_polled_at: int | None = None
    last_error: str | None = None
    source: str | None = None
    capacity: CloudCapacity | None = None  # type: ignore[valid-type]
    resource_classes: dict[str, ResourceClass] = {}
    availability_zones: dict[str, dict[str, ResourceClass]] = {}
    disk_shared: bool | None = None
    quota: dict[str, QuotaSums] = {}
    meters: list[Meter] = []
    hosts: ComputeHosts | None = None
    left_aside: list[LeftAside] = []
    shared_services: list[SharedService] = []


class NewCloud(Body):
    """A cloud to register; its entry in clouds.yaml defines everything but the name."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "frankfurt"}]})

    name: Name = Field(description="Name of its entry in clouds.yaml.")


class CloudWriter(Writer):
    """Registers clouds, and removes them."""

    deletes = True

    def completed(self, conf: Any, fields: Fields) -> Fields:
        """Return the fields, completed from the cloud's entry in clouds.yaml.

        Raises:
            BodyError: there is no such entry, or it cannot be used.
        """
        entry = _clouds_yaml_entry(conf.clouds, fields["name"])
        return fields | {"cloud": entry.cloud, "urls": entry.urls}

    def save(self, db: Database, uuid: str, fields: Fields, now: int) -> None:
        """Register the cloud."""
        clouds.add(db, fields["cloud"], fields["urls"], uuid=uuid, now=now)

    def delete(self, db: Database, uuid: str, now: int) -> None:
        """Remove the cloud and everything that was read from it."""
        clouds.remove(db, uuid, now)


def _clouds_yaml_entry(options: Any, name: str) -> CloudEntry:
    """Return an entry of clouds.yaml.

    Raises:
        BodyError: there is no such entry, or it cannot be used. The reason is only logged, since
            callers must not see it.
    """
    try:
        entry = entries.find_entry(name, settings_of(options), read, options.file)
        # Read all names only if the entry is missing: another entry may be invalid.
        names = [] if entry else entries.cloud_names(options.file)
    except ConfigError as error:
        LOG.warning("%s", error)
        raise BodyError(
            f"name={name}: the entry cannot be used; see the log of the service for the reason"
        ) from None
    if entry is None:
        choices = must_be(names) if names else "it has no entries"
        raise BodyError(f"name={name}: clouds.yaml has no such entry; {choices}")
    return entry


def _completed(db: Database, scope: Scope, rows: list[Entry]) -> list[Entry]:
    """Return complete entries; add the sums of Placement's inventories if all is visible."""
    completed = CLOUDS.complete(db, scope, rows)
    if not scope.everything:
        return completed
    inventories = resource_providers.inventories(db)
    for entry in completed:
        zones = inventories.get(entry["uuid"], {})
        entry |= {"resource_classes": by_class(zones), "availability_zones": by_zone(zones)}
    return completed


CLOUDS_AND_PROVIDERS = replace(CLOUDS, complete=_completed)
