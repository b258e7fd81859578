"""What it costs to know the caller: with Keystone's tokens, cached, against noauth."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import insert, select

from bench.load import load
from bench.result import Result, median
from bench.serving import ROWS, filled, running
from openstats.storage.schema import tables
from openstats.storage.store import Store
from tests.double import Double

RUNS = 7
OWNED = 10
QUOTA = next(row for row in ROWS if row.name == "quota")
CONFIGURATION = """[api]
auth_strategy = keystone
[keystone_authtoken]
auth_type = password
auth_url = {url}
username = admin
password = double-secret
project_name = admin
user_domain_id = default
project_domain_id = default
"""


def _token(keystone: Double, key: str, user: str, project: str, *roles: str) -> str:
    default = {"id": "default", "name": "Default"}
    keystone.site.handed[key] = {
        "methods": ["password"],
        "user": {"id": user, "name": user, "domain": default},
        "issued_at": "2026-01-01T00:00:00.000000Z",
        "expires_at": "2099-01-01T00:00:00.000000Z",
        "project": {"id": project, "name": project, "domain": default},
        "roles": [{"id": role, "name": role} for role in roles],
        "catalog": [],
    }
    return key


def _grant(store: Store) -> None:
    """Have a user own some customers."""
    with store.transaction() as db:
        for row in db.execute(select(tables.customer.c.id).limit(OWNED)).all():
            values = {"uuid": f"grant-{row.id}", "user_id": "owner", "role": "owner"}
            mine = {"customer_id": row.id, "created_at": 0}
            db.execute(insert(tables.grant).values(values | mine))


def cost(wanted: Callable[[str], bool]) -> Iterator[Result]:
    """Measure how much slower a statistic is for an admin, and for an owner of customers."""
    if not wanted("auth.cost_ratio"):
        return
    with filled() as store, Double() as keystone, TemporaryDirectory() as folder:
        _grant(store)
        path = Path(folder) / "openstats.conf"
        path.write_text(CONFIGURATION.format(url=keystone.auth_url))
        server = (sys.executable, "-m", "bench.server", str(store.url))
        tokens = {
            "auth.cost_ratio": (_token(keystone, "a", "admin", "admin", "admin"), 1.3),
            "auth.owner_cost_ratio": (_token(keystone, "o", "owner", "p", "reader"), None),
        }
        with running(*server) as (_, open_), running(*server, str(path)) as (_, guarded):
            paths = QUOTA.paths(store)
            for name, (token, bound) in tokens.items():
                ratios = [_slower(paths, int(open_), int(guarded), token) for _ in range(RUNS)]
                yield median(name, ratios, "ratio", bound, "lower")


def _slower(paths: list[str], open_: int, guarded: int, token: str) -> float:
    without = load(open_, paths, lambda body: None)
    return without.throughput / load(guarded, paths, lambda body: None, token=token).throughput
