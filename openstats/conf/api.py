"""How the HTTP API listens, and whom it answers."""

from oslo_config import cfg

GROUP = "api"


def _seconds(name: str, default: int, text: str, minimum: float = 0.1) -> cfg.FloatOpt:
    return cfg.FloatOpt(name, default=default, min=minimum, mutable=True, help=f"{text} Seconds.")


OPTIONS = [
    cfg.StrOpt("host", default="127.0.0.1", help="Address to listen on."),
    cfg.PortOpt("port", default=8779, help="Port to listen on."),
    cfg.IntOpt("threads", default=4, min=1, max=64, help="Requests answered at the same time."),
    cfg.IntOpt(
        "write_threads",
        default=2,
        min=1,
        max=64,
        help="How many of the threads may write at the same time, or wait for another writer. One "
        "thread at least is left to requests that only read.",
    ),
    cfg.IntOpt(
        "connections",
        default=1000,
        min=1,
        help="Connections at the same time. For one more, the one that was idle for longest is "
        "closed, of the client that has most. Each takes up to two file descriptors.",
    ),
    cfg.IntOpt(
        "client_connections",
        default=0,
        min=0,
        mutable=True,
        help="Connections that one address may have at the same time; 0: as many as there may be. "
        "All clients behind one proxy have its address.",
    ),
    _seconds(
        "request_timeout",
        30,
        "After which a request that was not answered, whatever it waits for, is answered 503.",
    ),
    _seconds("head_timeout", 10, "How long the head of a request may take to arrive."),
    _seconds("body_timeout", 60, "How long the body of a request may take to arrive."),
    _seconds("idle_timeout", 120, "How long a connection may stay open without a request."),
    _seconds("send_timeout", 60, "How long a client may read nothing of its answer."),
    _seconds(
        "drain_delay",
        2,
        "How long connections are accepted after SIGTERM, while /healthcheck is 503 already: a "
        "balancer should look at it more often.",
        0,
    ),
    _seconds("drain_timeout", 30, "How long requests under way may take after that.", 0),
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
