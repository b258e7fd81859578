"""Options of usage: the default basis, the retention of readings, and limits."""

from zoneinfo import ZoneInfo

from oslo_config import cfg, types

from openstats.conf import zones

GROUP = "usage"


class Zone(types.ConfigType):
    """A time zone by its name, such as Europe/Berlin."""

    allowed = "the name of a time zone, such as UTC or Europe/Berlin"

    def __init__(self) -> None:
        super().__init__("time zone")

    def __call__(self, value: str) -> ZoneInfo:
        """Return the time zone with a name."""
        return zones.named(str(value))

    def _formatter(self, value: object) -> str:
        return str(value)


OPTIONS = [
    cfg.StrOpt(
        "basis",
        default="auto",
        choices=[
            ("auto", "used if the source of every cloud measures the item, otherwise allocated"),
            ("allocated", "what is allocated to instances while they exist"),
            ("used", "what guests use, as measured by the source"),
        ],
        help="Basis of memory and storage if the request does not name one.",
    ),
    cfg.Opt(
        "timezone",
        type=Zone(),
        default="UTC",
        help="Time zone whose midnight separates the days of old readings.",
    ),
    cfg.IntOpt(
        "all_days",
        default=2,
        min=1,
        help="Number of days to keep every reading (one per 5 minutes).",
    ),
    cfg.IntOpt(
        "hourly_days",
        default=400,
        min=1,
        help="Number of days to keep one reading per hour. Older readings are kept one per day.",
    ),
    cfg.IntOpt(
        "backfill_days",
        default=30,
        min=0,
        help="Number of days of history to read from a meter source the first time.",
    ),
    cfg.IntOpt(
        "max_datapoints",
        default=500_000,
        min=1000,
        help="Maximum number of objects times intervals in one answer.",
    ),
    cfg.IntOpt(
        "diagnostics_max_instances",
        default=500,
        min=0,
        help="For meter_source = nova: CPU time costs one call per running instance. It is not "
        "measured in a cloud with more running instances than this.",
    ),
    cfg.IntOpt(
        "diagnostics_per_second",
        default=20,
        min=1,
        help="Maximum number of these calls per second.",
    ),
]
