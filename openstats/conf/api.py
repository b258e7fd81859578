"""How the HTTP API listens, and whom it answers."""

from oslo_config import cfg

GROUP = "api"
OPTIONS = [
    cfg.StrOpt("host", default="127.0.0.1", help="Address to listen on."),
    cfg.PortOpt("port", default=8779, help="Port to listen on."),
    cfg.IntOpt("threads", default=4, min=1, max=64, help="Requests answered at the same time."),
    cfg.StrOpt(
        "auth_strategy",
        default="noauth",
        choices=[
            ("noauth", "everybody who can connect is an admin: loopback only"),
            ("keystone", "by Keystone's tokens: [keystone_authtoken], [identity], the policy file"),
        ],
        help="How callers are known.",
    ),
    cfg.BoolOpt(
        "noauth_beyond_loopback",
        default=False,
        help="Serve without authentication on an address that other machines reach. Only where "
        "something in front of openstats decides who may call it.",
    ),
    cfg.BoolOpt(
        "access_log",
        default=True,
        help="Write a line for each request to the log, at INFO: address and name of the caller, "
        "method, URL, status, length and duration. Health checks are logged at DEBUG.",
    ),
    cfg.BoolOpt(
        "collect",
        default=None,
        help="Run the collector inside 'openstats serve'. Unset: when the store is SQLite.",
    ),
]
