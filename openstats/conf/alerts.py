"""Alerts: who may tell of them, how they are understood, and when openstats raises its own."""

from typing import Any

from oslo_config import cfg, types

from openstats.conf.values import Matching

GROUP = "alerts"
PREFIX = "receiver:"
NAME = r"^(?!(api|openstats)$)[A-Za-z0-9._-]{1,64}$"
"""What a receiver may be called: alerts have its name as their source, and two are taken."""

NAMING = "1 to 64 letters, digits, '.', '_' or '-', and neither 'api' nor 'openstats'"
HASH = r"^[0-9a-f]{64}$"
UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
SEVERITIES = ["Debug", "Info", "Warning", "Error"]


def _seconds(name: str, default: int, text: str) -> cfg.IntOpt:
    return cfg.IntOpt(name, default=default, min=1, help=f"{text} Seconds.")


def _percent(name: str, default: float, text: str) -> cfg.FloatOpt:
    return cfg.FloatOpt(name, default=default, min=0, max=100, help=f"{text} Percent.")


def _uuid(kind: str) -> cfg.Opt:
    told = f"Uuid of a {kind}, dashed: the receiver speaks for nothing else."
    return cfg.Opt(kind, type=Matching(UUID, f"the uuid of a {kind}, dashed"), help=told)


OPTIONS = [
    cfg.Opt(
        "receivers",
        type=types.List(Matching(NAME, NAMING)),
        default=[],
        help="Receivers of alerts, each with a group [receiver:name] of its own. They listen at "
        "/api/alerts/receivers/NAME/.",
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
        help="What severities of receivers mean, in lower case.",
    ),
    cfg.StrOpt(
        "unknown_severity",
        default="Warning",
        choices=SEVERITIES,
        help="What any other severity means, and none at all.",
    ),
    cfg.ListOpt(
        "instance_labels",
        default=["instance_id"],
        help="Labels that hold the id of a server: the alert is of it.",
    ),
    cfg.ListOpt(
        "tenant_labels",
        default=["project_id", "tenant_id"],
        help="Labels that hold the id of a Keystone project.",
    ),
    cfg.ListOpt(
        "cloud_labels",
        default=["cloud"],
        help="Labels that hold the name of a cloud, as clouds.yaml has it.",
    ),
    cfg.IntOpt(
        "max_alerts",
        default=10_000,
        min=1,
        help="Alerts that one request to a receiver may hold. More are refused, and Alertmanager "
        "does not send them again: its own max_alerts has to be lower.",
    ),
    cfg.IntOpt(
        "max_nesting",
        default=16,
        min=4,
        max=1000,
        help="Objects and lists inside one another that such a request may hold.",
    ),
    _seconds(
        "reopen_within",
        900,
        "What fires again so soon after it was resolved is the same alert, open again.",
    ),
    cfg.IntOpt(
        "late_within",
        default=300,
        min=1,
        deprecated_for_removal=True,
        deprecated_since="0.5.0",
        deprecated_reason="The notification that arrives last decides, as Alertmanager expects.",
        help="Without effect.",
    ),
    cfg.ListOpt(
        "replica_labels",
        default=["prometheus_replica"],
        help="Labels that tell the replicas of one Prometheus apart: alerts that differ in nothing "
        "else are one. For example prometheus_replica, replica, monitor.",
    ),
    _seconds(
        "stale_after",
        86400,
        "What no receiver was told of for so long is closed as of when it last was. It has to be "
        "longer than Alertmanager's repeat_interval.",
    ),
    _seconds(
        "api_interval",
        300,
        "How often the Alertmanagers in api_urls of receivers are asked what fires.",
    ),
    cfg.IntOpt(
        "keep_days",
        default=400,
        min=0,
        help="Days for which closed alerts are kept; 0: for ever.",
    ),
    _percent("quota_warning", 80, "From here on the use of a tenant's quota is a Warning."),
    _percent("quota_error", 95, "From here on it is an Error."),
    cfg.Opt(
        "quota_of_customers",
        type=types.Dict(Matching(r"^\d+(\.\d+)?/\d+(\.\d+)?$", "WARNING/ERROR in percent")),
        default={},
        help="Other thresholds for customers, as UUID:WARNING/ERROR, for example "
        "6f1c6a1e-3a0b-4c55-9a55-0d6c2b0f7a10:70/90.",
    ),
    _percent("capacity_warning", 85, "From here on the use of a cloud's capacity is a Warning."),
    _percent("capacity_error", 95, "From here on it is an Error."),
    _percent(
        "margin",
        3,
        "So far below a threshold has a use to fall for its alert to be over, so that it does not "
        "come and go.",
    ),
    cfg.IntOpt(
        "silent_intervals",
        default=3,
        min=1,
        help="A cloud is in Error when a kind of poll has not succeeded for so many intervals.",
    ),
]

RECEIVER = [
    cfg.StrOpt(
        "kind",
        default="alertmanager",
        choices=[
            ("alertmanager", "webhooks of Prometheus' Alertmanager, version 4"),
            ("aodh", "alarm_actions of Aodh: http, https or trust+https"),
        ],
        help="What tells of alerts here.",
    ),
    cfg.StrOpt(
        "token_hash",
        default="",
        help="The token that has to come along, hashed: 'openstats receiver token' makes both. It "
        "comes as Bearer, or as the password of Basic.",
    ),
    cfg.BoolOpt(
        "keystone",
        default=False,
        help="Take tokens of Keystone in X-Auth-Token as well, as trust+https of Aodh sends them; "
        "alerts are of the tenant that the token is scoped to.",
    ),
    cfg.ListOpt(
        "api_urls",
        default=[],
        help="URLs of all Alertmanagers that send here, such as http://alertmanager-0:9093. The "
        "collector asks them what fires, and closes what none of them has any more: Alertmanager "
        "itself does not tell of alerts that were resolved while they were silenced.",
    ),
    cfg.StrOpt(
        "role",
        default="",
        help="The role that a token of Keystone needs here. Empty: any role, so that every member "
        "of a project can raise alerts, which admins count.",
    ),
    cfg.BoolOpt(
        "independent",
        default=False,
        help="The Alertmanagers that send here are no cluster: each sends everything by itself, "
        "from an external URL of its own. An alert is over when each that said it fires has said "
        "that it is over.",
    ),
    cfg.ListOpt(
        "clouds",
        default=[],
        help="Clouds for which the receiver may speak. Empty: all of them.",
    ),
    _uuid("customer"),
    _uuid("project"),
    cfg.BoolOpt(
        "tenant_visible",
        default=False,
        help="Whether everybody who sees an alert may read its message. Otherwise callers that do "
        "not see everything get its type instead.",
    ),
]


def receivers(conf: cfg.ConfigOpts) -> dict[str, Any]:
    """Give the options of each receiver by its name."""
    return {name: conf[f"{PREFIX}{name}"] for name in conf.alerts.receivers}
