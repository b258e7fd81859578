"""Quotas by volume type, as compact JSON for one column.

The column is in the rows that are summed, so that its size matters.
"""

import json
from collections.abc import Mapping
from typing import Any

from openstats.meters import VOLUME_TYPE
from openstats.model import VolumeTypeQuota

NAMES = tuple(meter.name for meter in VOLUME_TYPE)


def encode(quotas: Mapping[str, VolumeTypeQuota]) -> str:
    """Return quotas by type as JSON: for each type, limits and uses in the order of ``NAMES``."""
    rows = {name: _row(quota) for name, quota in quotas.items()}
    return json.dumps(rows, separators=(",", ":"))


def _row(quota: VolumeTypeQuota) -> list[int | None]:
    row: list[int | None] = []
    for name in NAMES:
        figure = getattr(quota, name)
        row += [None, None] if figure is None else [figure.limit, figure.in_use]
    return row


def decode(content: str | None) -> dict[str, Any]:
    """Return limit and use by type, then by name; empty if nothing is stored.

    An unknown limit or use is None.
    """
    rows = json.loads(content or "{}")
    return {name: _by_name(row) for name, row in rows.items()}


def _by_name(row: list[int | None]) -> dict[str, dict[str, int | None]]:
    limits, uses = row[::2], row[1::2]
    pairs = zip(NAMES, limits, uses, strict=True)
    return {name: {"limit": limit, "in_use": in_use} for name, limit, in_use in pairs}
