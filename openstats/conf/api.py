"""Options of the HTTP API: its address, limits and authentication."""

from oslo_config import cfg

GROUP = "api"


def _seconds(name: str, default: int, text: str, minimum: float = 0.1) -> cfg.FloatOpt:
    return cfg.FloatOpt(name, default=default, min=minimum, mutable=True, help=f"{text} Seconds.")


OPTIONS = [
    cfg.StrOpt("host", default="127.0.0.1", help="Address to listen on."),
    cfg.PortOpt("port", default=8779, help="Port to listen on."),
    cfg.IntOpt(
        "threads", default=4, min=1, max=64, help="Number of requests processed at the same time."
    ),
    cfg.IntOpt(
        "write_threads",
        default=2,
        min=1,
        max=64,
        help="Number of threads that may write, or wait for another writer, at the same time. At "
        "least one thread is reserved for reading requests.",
    ),
    cfg.IntOpt(
        "connections",
        default=1000,
        min=1,
        help="Maximum number of open connections. For one more, the connection that was idle for "
        "longest is closed, of the client with the most connections. A connection uses up to two "
        "file descriptors.",
    ),
    cfg.IntOpt(
        "client_connections",
        default=0,
        min=0,
        mutable=True,
        help="Maximum number of open connections from one address. 0: no limit of its own. All "
        "clients behind a proxy share its address.",
    ),
    _seconds(
        "request_timeout",
        30,
        "Maximum time to answer a request. After it, the answer is 503.",
    ),
    _seconds("head_timeout", 10, "Maximum time for the head of a request to arrive."),
    _seconds("body_timeout", 60, "Maximum time for the body of a request to arrive."),
    _seconds(
        "idle_timeout", 120, "Maximum time that a connection may stay open without a request."
    ),
    _seconds("send_timeout", 60, "Maximum time that a client may stop reading its answer."),
    _seconds(
        "drain_delay",
        2,
        "Time after SIGTERM in which connections are still accepted, while /healthcheck already "
        "answers 503. A load balancer should check more often than this.",
        0,
    ),
    _seconds(
        "drain_timeout", 30, "Maximum time for running requests to finish after drain_delay.", 0
    ),
    cfg.StrOpt(
        "auth_strategy",
        default="noauth",
        choices=[
            ("noauth", "everybody who can connect is an admin; loopback only"),
            (
                "keystone",
                "Keystone tokens; see [keystone_authtoken], [identity] and the policy file",
            ),
        ],
        help="How callers authenticate.",
    ),
    cfg.BoolOpt(
        "noauth_beyond_loopback",
        default=False,
        help="Serve without authentication on an address that other machines can reach. Set it "
        "only if something in front of openstats decides who may call it.",
    ),
    cfg.BoolOpt(
        "access_log",
        default=True,
        help="Log each request at INFO: address and name of the caller, method, URL, status, "
        "length and duration. Health checks are logged at DEBUG.",
    ),
    cfg.BoolOpt(
        "collect",
        default=None,
        help="Run the collector inside 'openstats serve'. Unset: only if the store is SQLite.",
    ),
]
