"""The options that polls read, of the groups [collector] and [usage].

Those of [collector] may change while a collector runs: each poll reads them anew.
"""

from typing import Protocol
from zoneinfo import ZoneInfo

from openstats.clouds.meters import MeterSourceOptions


class CollectorOptions(Protocol):
    """The options of [collector], besides the interval of each kind of poll (``KIND_interval``)."""

    lease: int
    threads: int
    jitter: float
    overlap: int
    retry_interval: int
    full_interval: int
    quota_max_age: int
    page_size: int
    max_pages: int
    max_items: int
    vanish_share: float
    vanish_floor: int
    vanish_sightings: int


class UsageOptions(MeterSourceOptions, Protocol):
    """The options of [usage] that polls read."""

    all_days: int
    hourly_days: int
    timezone: ZoneInfo
