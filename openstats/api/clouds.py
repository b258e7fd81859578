"""Clouds over HTTP: what their providers can give away."""

from dataclasses import replace
from typing import Any

from openstats.model import Scope
from openstats.statistics.capacity import by_class, by_zone
from openstats.storage import capacity, clouds
from openstats.storage.listing import Entry


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
