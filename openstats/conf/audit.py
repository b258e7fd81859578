"""Options of the audit: how long entries are kept."""

from oslo_config import cfg

GROUP = "audit"
OPTIONS = [
    cfg.IntOpt(
        "keep_days",
        default=400,
        min=0,
        help="Number of days to keep entries of the audit. 0: forever. Each write deletes older "
        "entries.",
    ),
]
