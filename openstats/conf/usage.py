"""What is kept of usage, for how long, and how it is answered."""

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
        """Give the zone of a name."""
        return zones.named(str(value))

    def _formatter(self, value: object) -> str:
        return str(value)


OPTIONS = [
    cfg.StrOpt(
        "basis",
        default="auto",
        choices=[
            ("auto", "used, where every cloud's source measures the item; else allocated"),
            ("allocated", "what is reserved for instances while they exist"),
            ("used", "what guests use, as far as a source measures it"),
        ],
        help="What memory and storage count where a request does not say.",
    ),
    cfg.Opt(
        "timezone",
        type=Zone(),
        default="UTC",
        help="Whose midnight begins a day of old readings.",
    ),
    cfg.IntOpt(
        "all_days", default=2, min=1, help="Days for which every reading is kept: one in 5 minutes."
    ),
    cfg.IntOpt(
        "hourly_days",
        default=400,
        min=1,
        help="Days for which one reading an hour is kept; after them it is one a day.",
    ),
    cfg.IntOpt(
        "backfill_days",
        default=30,
        min=0,
        help="How far back the first reading of a source that keeps history goes.",
    ),
    cfg.IntOpt(
        "max_datapoints",
        default=500_000,
        min=1000,
        help="Objects times intervals that one answer may hold.",
    ),
    cfg.IntOpt(
        "diagnostics_max_instances",
        default=500,
        min=0,
        help="For meter_source = nova: CPU time costs a call for each running instance. In a cloud "
        "with more of them it is not measured.",
    ),
    cfg.IntOpt(
        "diagnostics_per_second",
        default=20,
        min=1,
        help="How many of these calls are made in a second.",
    ),
]
