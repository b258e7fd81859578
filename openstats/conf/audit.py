"""How long it is kept who wrote what in the registry."""

from oslo_config import cfg

GROUP = "audit"
OPTIONS = [
    cfg.IntOpt(
        "keep_days",
        default=400,
        min=0,
        help="Days for which entries of the audit are kept; 0: for ever. Older ones go with the "
        "next write.",
    ),
]
