"""Clouds over HTTP: what their providers can give away, and the entry that one is made from."""

from dataclasses import replace
from typing import Any

from oslo_log import log
from pydantic import ConfigDict, Field

from openstats.clouds.clouds_yaml import entries
from openstats.conf.clouds import read
from openstats.errors import BodyError, ConfigError
from openstats.http.body import Body
from openstats.http.parameters import Name
from openstats.model import Scope
from openstats.statistics.resource import by_class, by_zone
from openstats.storage.entries import clouds
from openstats.storage.entries.pagination import Entry
from openstats.storage.inventory import capacity

LOG = log.getLogger(__name__)


class NewCloud(Body):
    """A cloud to register: an entry of clouds.yaml, which tells everything else."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "frankfurt"}]})

    name: Name = Field(description="Name of its entry in clouds.yaml.")


def lookup(conf: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Add the cloud that clouds.yaml tells of, and the URLs by which it may be asked for.

    Raises:
        BodyError: there is no such entry; or it cannot be used, why is not for callers.
    """
    name = given["name"]
    try:
        found = entries.find(name, entries.settings_of(conf.clouds), read, conf.clouds.file)
        # What is wrong with another entry is nothing to this one.
        known = [] if found else entries.cloud_names(conf.clouds.file)
    except ConfigError as error:
        LOG.warning("%s", error)
        raise BodyError(
            f"name={name}: the entry cannot be used; the log of the service tells why"
        ) from None
    if found is None:
        there = ", ".join(known) or "none"
        raise BodyError(f"name={name}: clouds.yaml has no entry for it; there are {there}")
    return given | {"cloud": found.cloud, "urls": found.urls}


def _completed(db: Any, scope: Scope, entries: list[Entry]) -> list[Entry]:
    """Add what can be given away, for who sees everything."""
    completed = clouds.CLOUDS.completed(db, scope, entries)
    if not scope.everything:
        return completed
    held = capacity.inventories(db)
    return [entry | _effective(held.get(entry["uuid"], {})) for entry in completed]


def _effective(zones: Any) -> Entry:
    return {"resource_classes": by_class(zones), "availability_zones": by_zone(zones)}


CLOUDS = replace(clouds.CLOUDS, completed=_completed)
