"""Options of alerts: receivers, parsing of notifications, and openstats' own alert rules."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from oslo_config import cfg, types

from openstats.conf.values import Matching
from openstats.severities import SEVERITIES


class AlertOptions(Protocol):
    """The options of the group [alerts], as oslo.config returns them."""

    severities: Mapping[str, str]
    unknown_severity: str
    instance_labels: Sequence[str]
    tenant_labels: Sequence[str]
    cloud_labels: Sequence[str]
    max_alerts: int
    max_nesting: int
    reopen_within: int
    replica_labels: Sequence[str]
    stale_after: int
    api_interval: int
    keep_days: int
    quota_warning: float
    quota_error: float
    quota_of_customers: Mapping[str, str]
    capacity_warning: float
    capacity_error: float
    margin: float
    silent_intervals: int


class ReceiverOptions(Protocol):
    """The options of a group [receiver:NAME]."""

    kind: str
    token_hash: str
    keystone: bool
    api_urls: Sequence[str]
    role: str
    independent: bool
    clouds: Sequence[str]
    customer: str | None
    project: str | None
    tenant_visible: bool


GROUP = "alerts"
PREFIX = "receiver:"
NAME = r"^(?!(api|openstats)$)[A-Za-z0-9._-]{1,64}$"
"""Pattern of a receiver's name, which is the source of its alerts. Two names are reserved."""

NAMING = "1 to 64 letters, digits, '.', '_' or '-', and neither 'api' nor 'openstats'"
HASH = r"^[0-9a-f]{64}$"
UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"


def _seconds(name: str, default: int, text: str) -> cfg.IntOpt:
    return cfg.IntOpt(name, default=default, min=1, help=f"{text} Seconds.")


def _percent(name: str, default: float, text: str) -> cfg.FloatOpt:
    return cfg.FloatOpt(name, default=default, min=0, max=100, help=f"{text} Percent.")


def _uuid(kind: str) -> cfg.Opt:
    text = f"UUID of a {kind}, with dashes: the receiver accepts alerts for this {kind} only."
    return cfg.Opt(kind, type=Matching(UUID, f"the UUID of a {kind}, with dashes"), help=text)


OPTIONS = [
    cfg.Opt(
        "receivers",
        type=types.List(Matching(NAME, NAMING)),
        default=[],
        help="Names of the receivers of alerts. Each has a group [receiver:NAME] with its options, "
        "and the URL /api/alerts/receivers/NAME/.",
    ),
    cfg.Opt(
        "severities",
        type=types.Dict(types.String(choices=SEVERITIES)),
        default={
            "critical": "Error",
            "error": "Error",
            "page": "Error",
            "fatal": "Error",
            "warning": "Warning",
            "major": "Warning",
            "minor": "Warning",
            "moderate": "Warning",
            "info": "Info",
            "notice": "Info",
            "information": "Info",
            "low": "Info",
            "debug": "Debug",
            "none": "Debug",
        },
        help="Severity of an alert by the severity that the sender gave, in lower case.",
    ),
    cfg.StrOpt(
        "unknown_severity",
        default="Warning",
        choices=SEVERITIES,
        help="Severity of an alert whose sender gave any other severity, or none.",
    ),
    cfg.ListOpt(
        "instance_labels",
        default=["instance_id"],
        help="Labels that contain the ID of the server that the alert is about.",
    ),
    cfg.ListOpt(
        "tenant_labels",
        default=["project_id", "tenant_id"],
        help="Labels that contain the ID of a Keystone project.",
    ),
    cfg.ListOpt(
        "cloud_labels",
        default=["cloud"],
        help="Labels that contain the name of a cloud, as in clouds.yaml.",
    ),
    cfg.IntOpt(
        "max_alerts",
        default=10_000,
        min=1,
        help="Maximum number of alerts in one request to a receiver. A request with more is "
        "refused, and Alertmanager does not send it again: its own max_alerts must be lower.",
    ),
    cfg.IntOpt(
        "max_nesting",
        default=16,
        min=4,
        max=1000,
        help="Maximum nesting depth of objects and lists in such a request.",
    ),
    _seconds(
        "reopen_within",
        900,
        "An alert that fires again within this time after it was resolved is reopened.",
    ),
    cfg.IntOpt(
        "late_within",
        default=300,
        min=1,
        deprecated_for_removal=True,
        deprecated_since="0.5.0",
        deprecated_reason="The notification that arrives last decides, as Alertmanager expects.",
        help="Has no effect.",
    ),
    cfg.ListOpt(
        "replica_labels",
        default=["prometheus_replica"],
        help="Labels that distinguish the replicas of one Prometheus: alerts that differ only in "
        "these labels are one alert. For example prometheus_replica, replica, monitor.",
    ),
    _seconds(
        "stale_after",
        86400,
        "An alert that was not reported for this time is closed as of its last report. Must be "
        "longer than Alertmanager's repeat_interval.",
    ),
    _seconds(
        "api_interval",
        300,
        "Interval at which the Alertmanagers in api_urls are asked which alerts fire.",
    ),
    cfg.IntOpt(
        "keep_days",
        default=400,
        min=0,
        help="Number of days to keep closed alerts. 0: forever.",
    ),
    _percent("quota_warning", 80, "Use of a tenant's quota that raises a Warning."),
    _percent("quota_error", 95, "Use of a tenant's quota that raises an Error."),
    cfg.Opt(
        "quota_of_customers",
        type=types.Dict(Matching(r"^\d+(\.\d+)?/\d+(\.\d+)?$", "WARNING/ERROR in percent")),
        default={},
        help="Other quota thresholds for single customers, as UUID:WARNING/ERROR, for example "
        "6f1c6a1e-3a0b-4c55-9a55-0d6c2b0f7a10:70/90.",
    ),
    _percent("capacity_warning", 85, "Use of a cloud's capacity that raises a Warning."),
    _percent("capacity_error", 95, "Use of a cloud's capacity that raises an Error."),
    _percent(
        "margin",
        3,
        "Usage must fall this many percentage points below the threshold before the alert is "
        "resolved (hysteresis).",
    ),
    cfg.IntOpt(
        "silent_intervals",
        default=3,
        min=1,
        help="Raise an Error when a kind of poll has not succeeded for this many intervals.",
    ),
]

RECEIVER = [
    cfg.StrOpt(
        "kind",
        default="alertmanager",
        choices=[
            ("alertmanager", "webhooks of Prometheus Alertmanager, version 4"),
            ("aodh", "alarm_actions of Aodh: http, https or trust+https"),
        ],
        help="Software that sends to this receiver.",
    ),
    cfg.StrOpt(
        "token_hash",
        default="",
        help="Hash of the token that senders must present, as a Bearer token or as the password of "
        "Basic authentication. 'openstats receiver token NAME' creates token and hash.",
    ),
    cfg.BoolOpt(
        "keystone",
        default=False,
        help="Also accept Keystone tokens in X-Auth-Token, as Aodh's trust+https sends them. The "
        "alerts belong to the tenant that the token is scoped to.",
    ),
    cfg.ListOpt(
        "api_urls",
        default=[],
        help="URLs of all Alertmanagers that send here, such as http://alertmanager-0:9093. The "
        "collector asks them which alerts fire and closes those that none of them has any more: "
        "Alertmanager sends no notification for an alert that was resolved while silenced.",
    ),
    cfg.StrOpt(
        "role",
        default="",
        help="Role that a Keystone token must have. Empty: any role, so that every member of any "
        "project can raise alerts that admins count.",
    ),
    cfg.BoolOpt(
        "independent",
        default=False,
        help="The Alertmanagers that send here do not form a cluster: each sends all alerts, from "
        "its own external URL. An alert is closed when every Alertmanager that reported it as "
        "firing has reported it as resolved.",
    ),
    cfg.ListOpt(
        "clouds",
        default=[],
        help="Clouds whose alerts the receiver accepts. Empty: all clouds.",
    ),
    _uuid("customer"),
    _uuid("project"),
    cfg.BoolOpt(
        "tenant_visible",
        default=False,
        help="Show the message of an alert to everybody who may see the alert. Otherwise callers "
        "who do not see everything get its type instead.",
    ),
]


def receivers(conf: cfg.ConfigOpts) -> dict[str, ReceiverOptions]:
    """Return the options of each receiver by its name."""
    return {name: conf[f"{PREFIX}{name}"] for name in conf.alerts.receivers}
