"""Quotas by volume type, as a column holds them: short, for they lie beside what is summed."""

import json
from collections.abc import Mapping
from typing import Any

from openstats.meters import VOLUME_TYPE
from openstats.model import VolumeTypeQuota

NAMES = tuple(meter.name for meter in VOLUME_TYPE)
PARTS = ("limit", "in_use")


def written(quotas: Mapping[str, VolumeTypeQuota]) -> str:
    """Write quotas by type: of each the limits and uses in the order of ``NAMES``, as JSON."""
    return json.dumps({kind: _row(held) for kind, held in quotas.items()}, separators=(",", ":"))


def _row(held: VolumeTypeQuota) -> list[int | None]:
    figures = (getattr(held, name) for name in NAMES)
    return [figure and getattr(figure, part) for figure in figures for part in PARTS]


def shown(content: str | None) -> dict[str, Any]:
    """Read what was written into limit and use by type, then by name; nothing where there is none.

    A figure that is not known is None.
    """
    return {kind: _mapping(row) for kind, row in json.loads(content or "{}").items()}


def _mapping(row: list[int | None]) -> dict[str, dict[str, int | None]]:
    figures = iter(row)
    return {name: {part: next(figures) for part in PARTS} for name in NAMES}
