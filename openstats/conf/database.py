"""Where the store is."""

import os
from pathlib import Path

from oslo_config import cfg

GROUP = "database"


def default_directory() -> Path:
    """Return where the store is unless [database] connection says so."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "openstats"


def default_connection() -> str:
    """Return the URL of the store that is meant where none is written."""
    return f"sqlite:///{default_directory()}/openstats.sqlite"


def _seconds(name: str, default: int, text: str) -> cfg.FloatOpt:
    return cfg.FloatOpt(name, default=default, min=0.1, help=f"{text} Seconds.")


OPTIONS = [
    cfg.StrOpt(
        "connection",
        secret=True,
        default=default_connection(),
        sample_default="sqlite:////var/lib/openstats/openstats.sqlite",
        help="SQLAlchemy URL of the store. SQLite is the embedded default: one machine, the "
        "collector inside 'openstats serve'. For several API nodes and collectors: "
        "postgresql+psycopg://user:password@host/openstats.",
    ),
    cfg.IntOpt(
        "pool_size",
        default=5,
        min=1,
        help="Connections that a process keeps open; as many again are opened under load.",
    ),
    _seconds("connect_timeout", 5, "How long PostgreSQL may take to accept a connection."),
    _seconds("pool_timeout", 5, "How long to wait for one of the connections."),
    _seconds(
        "lock_timeout", 5, "How long a request may wait for a lock, on SQLite for another writer."
    ),
    _seconds(
        "request_timeout",
        20,
        "How long a request may use the store; then it is interrupted and answered 503. It should "
        "be less than [api] request_timeout.",
    ),
    _seconds("collector_lock_timeout", 30, "How long the collector, or a command, may wait so."),
    _seconds(
        "collector_timeout", 300, "How long the collector, or a command, may use the store at once."
    ),
]
