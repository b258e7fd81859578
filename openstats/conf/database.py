"""Where the store is."""

import os
from pathlib import Path

from oslo_config import cfg

GROUP = "database"


def _state_home() -> str:
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return f"sqlite:///{home}/openstats/openstats.sqlite"


OPTIONS = [
    cfg.StrOpt(
        "connection",
        secret=True,
        default=_state_home(),
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
]
