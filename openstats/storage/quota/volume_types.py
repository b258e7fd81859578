"""Quotas by volume type, as compact JSON for one column.

The column is in the rows that are summed, so that its size matters.
"""

import json
from collections.abc import Mapping, Sequence

from openstats.meters import VOLUME_TYPE
from openstats.model import Quota, VolumeTypeQuota

METER_NAMES = tuple(meter.name for meter in VOLUME_TYPE)


def encode(quotas: Mapping[str, VolumeTypeQuota]) -> str:
    """Return quotas by type as JSON: for each, limits and uses in the order of ``METER_NAMES``."""
    rows = {name: _row(quota) for name, quota in quotas.items()}
    return json.dumps(rows, separators=(",", ":"))


def _row(quota: VolumeTypeQuota) -> list[int | None]:
    row: list[int | None] = []
    for name in METER_NAMES:
        figure = getattr(quota, name)
        row += [None, None] if figure is None else [figure.limit, figure.in_use]
    return row


def decode(content: str | None) -> dict[str, VolumeTypeQuota]:
    """Return the quotas by type; empty if nothing is stored."""
    rows: dict[str, list[int | None]] = json.loads(content) if content else {}
    return {name: _quotas(row) for name, row in rows.items()}


def _quotas(row: Sequence[int | None]) -> VolumeTypeQuota:
    quotas = {}
    for name, limit, in_use in zip(METER_NAMES, row[::2], row[1::2], strict=True):
        if limit is not None and in_use is not None:
            quotas[name] = Quota(limit, in_use)
    return VolumeTypeQuota(**quotas)
