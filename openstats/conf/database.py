"""Options of the store: its URL, connections and timeouts."""

import os
from pathlib import Path

from oslo_config import cfg

GROUP = "database"


def default_directory() -> Path:
    """Return the directory of the default store."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "openstats"


def default_connection() -> str:
    """Return the SQLAlchemy URL of the default store."""
    return f"sqlite:///{default_directory()}/openstats.sqlite"


def _seconds(name: str, default: int, text: str) -> cfg.FloatOpt:
    return cfg.FloatOpt(name, default=default, min=0.1, help=f"{text} Seconds.")


OPTIONS = [
    cfg.StrOpt(
        "connection",
        secret=True,
        default=default_connection(),
        sample_default="sqlite:////var/lib/openstats/openstats.sqlite",
        help="SQLAlchemy URL of the store. SQLite, the default, is for one machine, with the "
        "collector inside 'openstats serve'. For several API nodes and collectors use "
        "postgresql+psycopg://user:password@host/openstats or "
        "mysql+pymysql://user:password@host/openstats, which is MariaDB.",
    ),
    cfg.IntOpt(
        "pool_size",
        default=5,
        min=1,
        help="Number of connections that a process keeps open. Under load it opens as many again.",
    ),
    _seconds("connect_timeout", 5, "Maximum time for the database server to accept a connection."),
    _seconds("pool_timeout", 5, "Maximum time to wait for a free connection."),
    _seconds(
        "lock_timeout",
        5,
        "Maximum time that a request waits for a lock, on SQLite for another writer.",
    ),
    _seconds(
        "request_timeout",
        20,
        "Maximum time that a request may use the store. After it, the request is interrupted and "
        "answered 503. Must be less than [api] request_timeout.",
    ),
    _seconds(
        "collector_lock_timeout",
        30,
        "Maximum time that the collector or a command waits for a lock.",
    ),
    _seconds(
        "collector_timeout",
        300,
        "Maximum time that the collector or a command may use the store at once.",
    ),
]
