"""Clouds in the HTTP API: models, documents, and registration from entries of clouds.yaml."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from oslo_config import cfg
from oslo_log import log
from pydantic import BaseModel, ConfigDict, Field, create_model

from openstats.api.registry.documents import Document
from openstats.api.registry.writers import Writer
from openstats.clouds.clouds_yaml import entries
from openstats.clouds.clouds_yaml.entries import CloudEntry
from openstats.clouds.clouds_yaml.settings import settings_of
from openstats.conf.clouds import read
from openstats.errors import BodyError, ConfigError, must_be
from openstats.http.body import Body
from openstats.http.fields import Name, Uuid
from openstats.meters import CAPACITY, USAGE_METERS
from openstats.model import Capacity
from openstats.statistics.resource import by_class, by_zone
from openstats.storage.entries.clouds import CloudDetails, CloudFigures, StoredCloud
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


class CloudWriter(Writer[NewCloud, CloudEntry]):
    """Registers clouds, and removes them."""

    deletes = True

    def values(self, conf: cfg.ConfigOpts, body: NewCloud) -> CloudEntry:
        """Return the cloud's entry in clouds.yaml.

        Raises:
            BodyError: there is no such entry, or it cannot be used.
        """
        return _clouds_yaml_entry(conf.clouds, body.name)

    def save(self, db: Database, uuid: str, values: CloudEntry, now: int) -> None:
        """Register the cloud."""
        clouds.add(db, values.cloud, values.urls, uuid=uuid, now=now)

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


def document(row: StoredCloud) -> Document:
    """Return a cloud; callers who do not see everything get its uuid and name only."""
    names: Document = {"uuid": row.uuid, "name": row.name}
    if row.details is None:
        return names
    return names | _registration(row.details) | _figures(row.details.figures)


def _registration(details: CloudDetails) -> Document:
    """Return where the cloud is, and what its polls found out about it as a whole."""
    return {
        "auth_url": details.auth_url,
        "region": details.region,
        "last_polled_at": details.last_polled_at,
        "last_error": details.last_error,
        "disk_shared": details.disk_shared,
        "left_aside": _named("name", "reason", details.unused_entries),
        "shared_services": _named("service", "cloud", details.shared_services),
    }


def _figures(figures: CloudFigures) -> Document:
    quotas = {name: sums._asdict() for name, sums in figures.quotas.items()}
    return {
        **_capacity(figures.capacity),
        "hosts": figures.hosts,
        "quota": quotas,
        "meters": _meters(figures.read_until),
        "resource_classes": by_class(figures.inventories),
        "availability_zones": by_zone(figures.inventories),
    }


def _named(key: str, value: str, texts: Mapping[str, str]) -> list[Document]:
    """Return the keys and values of a mapping as objects with two fields, ordered by key."""
    return [{key: name, value: texts[name]} for name in sorted(texts)]


def _capacity(collected: tuple[Capacity, int] | None) -> Document:
    if collected is None:
        return {"source": None, "capacity": None}
    figures, collected_at = asdict(collected[0]), collected[1]
    return {"source": figures.pop("source"), "capacity": figures | {"collected_at": collected_at}}


def _meters(read_until: Mapping[str, int | None]) -> list[Document]:
    meters: list[Document] = []
    for name, meter in USAGE_METERS.items():
        if read_until[name] is not None:
            complete_until = read_until[name]
            meters.append(
                {"item": meter.item, "basis": meter.basis, "complete_until": complete_until}
            )
    return meters
