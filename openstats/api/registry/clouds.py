"""Clouds over HTTP: what their providers can give away, and the entry that one is made from."""

from dataclasses import replace
from typing import Any

from oslo_log import log
from pydantic import ConfigDict, Field

from openstats.api.registry.resources import Fields, Writer
from openstats.clouds.clouds_yaml import entries
from openstats.clouds.clouds_yaml.entries import CloudEntry
from openstats.conf.clouds import read
from openstats.errors import BodyError, ConfigError
from openstats.http.body import Body
from openstats.http.parameters import Name
from openstats.model import Scope
from openstats.statistics.resource import by_class, by_zone
from openstats.storage.entries import clouds
from openstats.storage.entries.pagination import Entry
from openstats.storage.inventory import capacity
from openstats.storage.store import Database

LOG = log.getLogger(__name__)


class NewCloud(Body):
    """A cloud to register: an entry of clouds.yaml, which tells everything else."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "frankfurt"}]})

    name: Name = Field(description="Name of its entry in clouds.yaml.")


class CloudWriter(Writer):
    """Registers clouds, and removes them."""

    deletes = True

    def completed(self, conf: Any, fields: Fields) -> Fields:
        """Return the fields with the cloud's entry of clouds.yaml.

        Raises:
            BodyError: there is no such entry, or it cannot be used.
        """
        entry = _clouds_yaml_entry(conf.clouds, fields["name"])
        return fields | {"cloud": entry.cloud, "urls": entry.urls}

    def save(self, db: Database, uuid: str, fields: Fields, now: int) -> None:
        """Register the cloud."""
        clouds.write(db, uuid, fields, now)

    def delete(self, db: Database, uuid: str, now: int) -> None:
        """Remove the cloud with all that was read of it."""
        clouds.remove(db, uuid, now)


def _clouds_yaml_entry(options: Any, name: str) -> CloudEntry:
    """Return an entry of clouds.yaml.

    Raises:
        BodyError: there is no such entry; or it cannot be used, why is not for callers.
    """
    try:
        entry = entries.find(name, entries.settings_of(options), read, options.file)
        # What is wrong with another entry is nothing to this one.
        names = [] if entry else entries.cloud_names(options.file)
    except ConfigError as error:
        LOG.warning("%s", error)
        raise BodyError(
            f"name={name}: the entry cannot be used; see the log of the service for the reason"
        ) from None
    if entry is None:
        choices = f"must be one of {', '.join(names)}" if names else "it has none"
        raise BodyError(f"name={name}: clouds.yaml has no such entry; {choices}")
    return entry


def _completed(db: Database, scope: Scope, rows: list[Entry]) -> list[Entry]:
    """Return entries, for who sees everything with what their providers can give away."""
    completed = clouds.CLOUDS.completed(db, scope, rows)
    if not scope.everything:
        return completed
    inventories = capacity.inventories(db)
    for entry in completed:
        zones = inventories.get(entry["uuid"], {})
        entry |= {"resource_classes": by_class(zones), "availability_zones": by_zone(zones)}
    return completed


CLOUDS = replace(clouds.CLOUDS, completed=_completed)
