"""Options of the collector: intervals, limits and timeouts of polls."""

from oslo_config import cfg

GROUP = "collector"


def _seconds(name: str, default: int, text: str, minimum: int = 1) -> cfg.IntOpt:
    return cfg.IntOpt(name, default=default, min=minimum, mutable=True, help=f"{text} Seconds.")


OPTIONS = [
    _seconds("discovery_interval", 3600, "Interval between discoveries of a Keystone's projects."),
    _seconds("capacity_interval", 300, "Interval between polls of a cloud's hypervisors."),
    _seconds("instances_interval", 300, "Interval between polls for changed servers."),
    _seconds("volumes_interval", 300, "Interval between polls for changed volumes."),
    _seconds("providers_interval", 300, "Interval between polls for changed Placement providers."),
    _seconds("quotas_interval", 300, "Interval between searches for tenants whose quotas are due."),
    _seconds(
        "quota_max_age",
        1800,
        "Maximum age of a tenant's quotas and of a Placement provider. They are also read again "
        "when servers or volumes changed.",
    ),
    _seconds(
        "full_interval",
        86400,
        "Interval between full syncs of all servers and volumes. Other polls read only changes.",
    ),
    _seconds("retry_interval", 60, "Time until a failed job is retried."),
    cfg.FloatOpt(
        "jitter",
        default=0.1,
        min=0,
        max=1,
        help="Share by which intervals vary at random, so that clouds are not all polled at once.",
    ),
    _seconds(
        "overlap", 120, "Maximum difference between the clocks of a cloud and the collector.", 0
    ),
    cfg.IntOpt(
        "threads",
        default=8,
        min=1,
        max=64,
        help="Number of jobs of one cloud that run at the same time, and of calls that these jobs "
        "make side by side. Each cloud has its own threads and never waits for another.",
    ),
    cfg.IntOpt(
        "page_size",
        default=1000,
        min=1,
        help="Number of servers, volumes, snapshots or projects per page.",
    ),
    cfg.IntOpt(
        "max_pages",
        default=10_000,
        min=1,
        help="Maximum number of pages in one list. A longer list is an error of its cloud.",
    ),
    cfg.IntOpt(
        "max_items",
        default=75_000,
        min=1,
        help="Maximum number of servers, volumes, snapshots or projects in one list. A longer list "
        "is an error of its cloud. Raise it for a larger cloud: discovery needs up to 3 MiB of "
        "memory per 1,000 projects, a full sync of volumes 1 MiB per 1,000 volumes.",
    ),
    cfg.FloatOpt(
        "vanish_share",
        default=0.2,
        min=0,
        max=1,
        help="Maximum share of a cloud's tenants, servers, volumes, snapshots or providers that "
        "may disappear at once. If more disappear, that is an error and the figures stay.",
    ),
    cfg.IntOpt(
        "vanish_floor",
        default=2,
        min=0,
        help="Number of objects that may always disappear at once, whatever their share.",
    ),
    cfg.IntOpt(
        "vanish_sightings",
        default=3,
        min=1,
        help="Number of consecutive polls after which a disappearance is accepted. 'openstats "
        "cloud accept' accepts it at once.",
    ),
    _seconds("connect_timeout", 10, "Maximum time for a cloud to accept a connection."),
    _seconds("read_timeout", 60, "Maximum time between two pieces of an answer."),
    _seconds(
        "answer_timeout",
        300,
        "Maximum time of one call, from its first byte to the last byte of the answer.",
    ),
    cfg.IntOpt(
        "answer_max_mib",
        default=24,
        min=1,
        max=1024,
        help="Maximum size of one answer in MiB, uncompressed. The collector needs several times "
        "as much memory for each cloud with answers of this size.",
    ),
    _seconds(
        "retry_wait",
        60,
        "Maximum total time that one call waits before retries: if the cloud sends "
        "Retry-After, or fails over (502, 503, 504, broken connections). If the cloud asks for a "
        "longer wait, the job ends and is due again after that wait.",
        0,
    ),
    _seconds(
        "lease",
        60,
        "Time without a sign of life after which another collector takes a job over.",
    ),
    _seconds(
        "stop_timeout",
        30,
        "Maximum time for running polls to finish after SIGTERM.",
    ),
]
