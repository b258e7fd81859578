"""When clouds are asked, and how gently."""

from oslo_config import cfg

GROUP = "collector"


def _seconds(name: str, default: int, text: str, minimum: int = 1) -> cfg.IntOpt:
    return cfg.IntOpt(name, default=default, min=minimum, mutable=True, help=f"{text} Seconds.")


OPTIONS = [
    _seconds("discovery_interval", 3600, "Between two readings of a Keystone's projects."),
    _seconds("capacity_interval", 300, "Between two readings of a cloud's hypervisors."),
    _seconds("instances_interval", 300, "Between two readings of what changed among servers."),
    _seconds("volumes_interval", 300, "Between two looks whether volumes changed."),
    _seconds("providers_interval", 300, "Between two looks whether Placement's providers changed."),
    _seconds("quotas_interval", 300, "Between two looks for tenants whose quotas are due."),
    _seconds(
        "quota_max_age",
        1800,
        "A tenant's quotas are read when its servers or volumes changed, and at this age; so is a "
        "provider of Placement.",
    ),
    _seconds(
        "full_interval",
        86400,
        "Between two full sweeps over all servers and volumes; in between only changes are read.",
    ),
    _seconds("retry_interval", 60, "Until a job that failed is tried again."),
    cfg.FloatOpt(
        "jitter",
        default=0.1,
        min=0,
        max=1,
        help="Intervals are varied by this share, so that clouds are not all asked at once.",
    ),
    _seconds("overlap", 120, "How far the clocks of clouds and collector may disagree.", 0),
    cfg.IntOpt(
        "threads",
        default=8,
        min=1,
        max=64,
        help="Jobs of one cloud under way at once, and as many calls for its tenants' quotas and "
        "servers. Each cloud has threads of its own, so that none waits for another.",
    ),
    cfg.IntOpt(
        "page_size",
        default=1000,
        min=1,
        help="Servers, volumes, snapshots and projects asked for in one page.",
    ),
    cfg.IntOpt(
        "max_pages",
        default=10_000,
        min=1,
        help="Pages of one list; one that goes on beyond them is an error of its cloud.",
    ),
    cfg.IntOpt(
        "max_items",
        default=75_000,
        min=1,
        help="Servers, volumes, snapshots or projects in one list; one that has more is an error "
        "of its cloud. Raise it for a larger cloud: discovery needs up to 3 MiB for 1,000 "
        "projects, a sweep of volumes 1 MiB for 1,000.",
    ),
    cfg.FloatOpt(
        "vanish_share",
        default=0.2,
        min=0,
        max=1,
        help="Share of a cloud's tenants, servers, volumes, snapshots or providers. If more "
        "disappear at once, that is an error, and figures of before stay.",
    ),
    cfg.IntOpt(
        "vanish_floor",
        default=2,
        min=0,
        help="So many may disappear at once however few there are.",
    ),
    cfg.IntOpt(
        "vanish_sightings",
        default=3,
        min=1,
        help="A disappearance is believed when polls saw it so often in a row; openstats cloud "
        "accept has it believed at once.",
    ),
    _seconds("connect_timeout", 10, "How long a cloud may take to accept a connection."),
    _seconds("read_timeout", 60, "How long a cloud may keep silent in an answer."),
    _seconds(
        "answer_timeout",
        300,
        "How long one answer of a cloud may take from the first byte of the request to the last of "
        "the answer.",
    ),
    cfg.IntOpt(
        "answer_max_mib",
        default=24,
        min=1,
        max=1024,
        help="How large one answer of a cloud may be, inflated. The collector needs several times "
        "as much memory for each cloud whose answers are so large.",
    ),
    _seconds(
        "retry_wait",
        60,
        "How long one call waits, in all, for a cloud that asks for it (Retry-After) or fails over "
        "(502, 503, 504, a connection that breaks), before it is repeated. Where the cloud asks "
        "for more, the job ends, and is due again by then.",
        0,
    ),
    _seconds(
        "lease",
        60,
        "How long a collector keeps a job without a sign of life before another takes it over.",
    ),
    _seconds(
        "stop_timeout",
        30,
        "How long polls under way may take after SIGTERM before the process ends without them.",
    ),
]
