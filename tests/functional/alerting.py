"""Alerts on their way into a running service: a service that comes and goes, and an exporter."""

import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from openstats.tokens import hash_token
from tests.devcloud import Cloud
from tests.devcloud.process import wait_for
from tests.edge import Edge
from tests.functional.leaks import WATCH
from tests.functional.system import SERVING, Api, System
from tests.postgresql import free_port

TOKEN = "known to this receiver only"
RECEIVER = "site"
URL = f"/api/alerts/receivers/{RECEIVER}/"


class Service:
    """``openstats serve`` at an address that stays while it comes and goes."""

    def __init__(self, system: System) -> None:
        self.system, self.port = system, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.api = Api(self.url, system.keep)
        WATCH.secrets.add(TOKEN)

    def up(self) -> None:
        """Start it; it answers when this returns."""
        self.process = self.system.start("serve", "--port", str(self.port))
        said = self.system.said
        wait_for("serve", lambda: SERVING.search(said("serve")) or self.process.poll())
        assert self.process.poll() is None, self.system.said("serve")

    def kill(self) -> None:
        """End it as a power cut does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def alerts(self, **filters: str) -> list[dict[str, Any]]:
        """List all alerts."""
        query = "".join(f"&{name}={value}" for name, value in filters.items())
        path, found = f"/api/alerts/?limit=1000{query}", []
        while path:
            status, document, _ = self.api.call("GET", path)
            assert status == 200, document
            found += document["alerts"]
            path = next((link["href"] for link in document.get("links", ())), "")
        return found

    def now(self, statistic: str, **parameters: Any) -> Any:
        """Give a statistic until in a while, so that what has happened by now is in it."""
        return self.api.get(statistic, to=int(time.time()) + 60, **parameters)

    def counted(self, **parameters: Any) -> int:
        """Tell how many alerts the statistic counts, of whatever severity."""
        return sum(self.now("alert", **parameters).values())

    def by_customer(self) -> dict[str, dict[str, int]]:
        """Give what the statistic counts for each customer, without those that it counts none."""
        found = {each["name"]: each for each in self.now("alert", each="true")}
        keys = ("Debug", "Info", "Warning", "Error")
        kept = {name: {k: each[k] for k in keys if each[k]} for name, each in found.items()}
        return {name: counts for name, counts in kept.items() if counts}


def discovered(home: Path, edge: Edge, cloud: Cloud) -> Path:
    """Make a store that knows a cloud's tenants, and nothing else."""
    whole = home / "whole.sqlite"
    with System(home, {"current": cloud.clouds_entry()}, edge) as system:
        system.run("discover")
        # What was written last may be in a file beside the database.
        system.sql(f"VACUUM INTO '{whole}'")
    return whole


@contextmanager
def serving(
    home: Path,
    edge: Edge,
    store: Path | None = None,
    entries: dict[str, dict[str, Any]] | None = None,
    **sections: dict[str, object],
) -> Iterator[Service]:
    """Serve a copy of a store, or a new one, with one receiver, and what other sections say."""
    system = System(home, entries or {}, edge)
    if store:
        shutil.copy(store, system.database)
    system.sections = {
        "api": {"collect": "false"},
        "alerts": {"receivers": RECEIVER},
        f"receiver:{RECEIVER}": {"token_hash": hash_token(TOKEN)},
    }
    for name, options in sections.items():
        system.sections[name] = system.sections.get(name, {}) | options
    with system:
        service = Service(system)
        service.up()
        yield service


@contextmanager
def broken(service: Service) -> Iterator[None]:
    """Have the service answer 503: it finds nothing of its own in the store."""
    service.system.sql("ALTER TABLE receiver RENAME TO elsewhere")
    yield
    service.system.sql("ALTER TABLE elsewhere RENAME TO receiver")


def tenants(store: Path) -> list[dict[str, Any]]:
    """Give the tenants in a store, with their project's uuid and their customer's name."""
    query = (
        "SELECT t.tenant_id, t.uuid, p.uuid, c.name FROM tenant t"
        " JOIN project p ON p.id = t.project_id JOIN customer c ON c.id = p.customer_id"
        " WHERE t.deleted_at IS NULL ORDER BY t.name"
    )
    names = "id", "uuid", "project", "customer"
    with closing(sqlite3.connect(store)) as connection:
        return [dict(zip(names, row, strict=True)) for row in connection.execute(query)]


class Exporter:
    """A small exporter on loopback; ``series`` is what it tells, by the name with its labels."""

    def __init__(self) -> None:
        self.series: dict[str, float] = {}
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                lines = [f"{name} {value}\n" for name, value in exporter.series.items()]
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write("".join(lines).encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.target = f"127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, name="exporter")

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
