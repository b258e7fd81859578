"""A collector beside malicious and silent clouds: its memory, its other work, and its end."""

import shutil
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.conftest import SIZE
from tests.cli.installation import Installation, Process
from tests.conftest import Sqlite
from tests.devcloud.process import wait_for
from tests.double import Double, populate
from tests.edge import Edge
from tests.edge.abuse import Endless, Pages, Trickle, bomb, json, projects

MOST = 300
"""MiB."""

EACH_SECOND = {f"{kind}_interval": 1 for kind in ("discovery", "capacity", "instances", "retry")}


@dataclass(frozen=True)
class Collecting:
    """A process that collects from one cloud, behind an edge."""

    process: Process
    edge: Edge
    store: Path

    def outcome(self, kind: str) -> tuple[int | None, str | None]:
        """Return when a kind of poll last succeeded, and what is wrong with it."""
        query = "SELECT polled_at, error FROM job WHERE kind = ?"
        with closing(sqlite3.connect(self.store)) as store:
            ((polled_at, error),) = store.execute(query, [kind]).fetchall()
        return polled_at, error

    def succeeds(self, kind: str) -> Any:
        """Wait for a poll that succeeds from now on."""
        now = time.time()

        def succeeded() -> bool:
            polled_at, error = self.outcome(kind)
            return (polled_at or 0) > now and error is None

        wait_for(kind, succeeded, 60)

    @property
    def peak(self) -> int:
        """MiB of memory that the process had at most."""
        status = Path(f"/proc/{self.process.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) // 1024


@pytest.fixture(scope="module")
def collecting(sqlite: Sqlite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collecting]:
    """Collect, with short bounds."""
    with Double() as cloud, Edge() as edge:
        populate(cloud, SIZE)
        made = collector_installation(sqlite, tmp_path_factory.mktemp("collecting"), edge)
        made.clouds(alpha=cloud.clouds_entry())
        made.configure("collector", answer_timeout=2)
        with made.started("collect") as process:
            found = Collecting(process, edge, made.store)
            found.succeeds("discovery")
            yield found
            assert process.end() == 0


def collector_installation(sqlite: Sqlite, directory: Path, edge: Edge) -> Installation:
    """Make one whose clouds are behind an edge, with short intervals."""
    made = Installation(
        directory,
        OS_CLIENT_CONFIG_FILE=str(directory / "clouds.yaml"),
        HOME=str(directory),
        **edge.environ(),
    )
    shutil.copyfile(sqlite.migrated, made.store)
    made.configure("DEFAULT", log_file=directory / "openstats.log", use_stderr="false")
    made.configure("collector", **EACH_SECOND)
    return made


VALUES = b'{"projects": [' + b"{}," * 1_000_000 + b"{}]}"
CLOUDS = {
    "bomb": (lambda: bomb(200), "answer_max_mib"),
    "endless": (lambda: Endless(b'{"projects": [', b'{"id": "x"},' * 5000), "answer_max_mib"),
    "values": (lambda: json(VALUES), "answer_max_mib"),
    "a million projects": (lambda: projects(1_000_000), "answer_max_mib"),
    "projects without end": (Pages, "max_items"),
    "names without end": (lambda: Pages(4000, 4000 * "x"), "max_items"),
    "a byte every 10 s": (lambda: Trickle(10), "no complete answer within 2 s"),
}


@pytest.mark.parametrize(("action", "reason"), CLOUDS.values(), ids=CLOUDS)
def test_a_malicious_cloud(collecting: Collecting, action: Callable[[], Any], reason: str) -> None:
    with collecting.edge.during("/v3/projects", action()):
        wait_for("an error", lambda: reason in (collecting.outcome("discovery")[1] or ""), 60)
        collecting.succeeds("capacity")
    collecting.succeeds("discovery")
    assert collecting.peak <= MOST


EVERYWHERE = {
    "bomb": lambda: bomb(200),
    "endless": Endless,
    "values": lambda: json(b'{"servers": [' + b"{}," * 500_000 + b"{}]}"),
}


@pytest.mark.parametrize("action", EVERYWHERE.values(), ids=EVERYWHERE)
def test_a_cloud_that_is_malicious_everywhere(
    collecting: Collecting, action: Callable[[], Any]
) -> None:
    with collecting.edge.during("GET", action()):
        for kind in ("discovery", "capacity", "instances"):
            wait_for(kind, lambda kind=kind: collecting.outcome(kind)[1], 60)
    collecting.succeeds("instances")
    assert collecting.peak <= MOST


SECRETS = {"username": "u", "password": "p", "project_name": "admin"}


@pytest.fixture
def silent() -> Iterator[list[str]]:
    """Give the URLs of Keystones that accept and say nothing, one for each thread of a cloud."""
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(8)]
        yield [f"http://127.0.0.1:{each.getsockname()[1]}/v3" for each in listeners]


def test_a_good_cloud_is_read_at_its_interval_beside_silent_ones(
    sqlite: Sqlite, tmp_path: Path, silent: list[str]
) -> None:
    with Double() as cloud, Edge() as edge:
        populate(cloud, SIZE)
        made = collector_installation(sqlite, tmp_path, edge)
        entries = {
            f"silent-{number}": {"auth": SECRETS | {"auth_url": url}, "region_name": "R"}
            for number, url in enumerate(silent)
        }
        made.clouds(**entries, alpha=cloud.clouds_entry())
        with made.started("collect") as process:
            # Intervals are of a second; where one waits for the silent, minutes pass.
            assert edge.wait(8, lambda seen: "hypervisors/statistics" in seen.url, 60)
            assert process.end() == 0
