"""Any number of collectors on one store: the work is shared, and nobody gets in another's way."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from openstats.storage import jobs
from openstats.storage.registry import clouds, tenants
from openstats.storage.registry import discovery as storage_discovery
from openstats.storage.store import Database
from tests.collector import expected
from tests.collector.lab import SMALL, SOON, Lab, running
from tests.conftest import Postgresql
from tests.devcloud.process import wait_for
from tests.edge import Edge, Hang, Status


@pytest.fixture
def shared(edge: Edge, tmp_path: Path, postgres: Postgresql) -> Iterator[Lab]:
    """Give a lab on PostgreSQL, where several may write at once."""
    with postgres.store() as store, Lab(tmp_path, store, edge) as lab:
        yield lab


def meanwhile(lab: Lab, others: Callable[[Database], Any], ours: Callable[[], Any]) -> Any:
    """Do ``ours`` while a transaction that did ``others`` is not over yet."""
    with ThreadPoolExecutor() as pool:
        with lab.store.transaction() as db:
            others(db)
            result = pool.submit(ours)
            waiting = "SELECT 1 FROM pg_locks WHERE NOT granted"
            wait_for("a lock", lambda: result.done() or lab.sql(waiting), timeout=10)
        return result.result(20)


def test_two_kinds_of_polls_meet_a_new_tenant(shared: Lab) -> None:
    double = shared.double()
    shared.use()

    def meet(db: Database) -> None:
        (cloud,) = clouds.clouds(db)
        tenants.rows_of(db, cloud, double.state.projects, 0)

    assert meanwhile(shared, meet, lambda: shared.cycle("instances")) == []
    assert expected.servers(shared.store) == set(double.state.servers)
    assert meanwhile(shared, meet, lambda: shared.cycle("discovery")) == []


def test_two_regions_discover_the_same_projects(shared: Lab) -> None:
    alpha = shared.double()
    shared.double("west", identity=alpha, size=None, region="West")
    usual = shared.use()

    def discover(db: Database) -> None:
        from openstats.clouds.services import keystone

        west = next(cloud for cloud in clouds.clouds(db) if cloud.name == "west")
        connection = usual.connections.by_name["west"]
        projects = keystone.projects(connection).projects
        assignments, _ = keystone.assign(connection, projects)
        storage_discovery.write(db, west, assignments, now=0, first=True)

    one = shared.collector("alpha")
    assert meanwhile(shared, discover, lambda: one.cycle(["discovery"])) == []
    assert shared.sql("SELECT count(*) FROM project") == [(4,)]


def test_two_collectors_start_at_once(shared: Lab) -> None:
    shared.double()
    waiting = shared.collector()
    shared.sql("DELETE FROM job; DELETE FROM cloud_url; DELETE FROM cloud")

    def start(db: Database) -> None:
        for connection in waiting.connections.by_name.values():
            cloud = clouds.write_cloud(db, connection.cloud, connection.entry.urls)
            jobs.ensure(db, cloud.id, ["discovery"], 0)

    meanwhile(shared, start, waiting.register)
    assert shared.sql("SELECT name FROM cloud") == [("alpha",)]
    assert waiting.cycle() == []


# -- the store goes away, and comes back


@contextmanager
def away(lab: Lab, postgres: Postgresql) -> Iterator[None]:
    """End all connections to the lab's database, and refuse new ones."""
    name = lab.store.url.database
    postgres.server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    postgres.server.execute(f"{ended} WHERE datname = '{name}'")
    try:
        yield
    finally:
        postgres.server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


def _levels(caplog: pytest.LogCaptureFixture) -> set[str]:
    return {r.levelname for r in caplog.records if "does not answer" in r.getMessage()}


def test_the_store_goes_away_in_mid_poll(
    shared: Lab, postgres: Postgresql, caplog: pytest.LogCaptureFixture
) -> None:
    double = shared.double()
    shared.cycle()
    key = double.boot(next(iter(expected.quotas(double))), SMALL).id
    hang = Hang()
    shared.edge.rule("changes-since", hang)
    shared.clock.advance(SOON)
    shared.sql(f"UPDATE job SET next_at = {shared.clock.now} WHERE kind = 'instances'")
    with running(shared.collector(lease=1)) as thread:
        assert hang.reached.wait(10)
        with away(shared, postgres):
            # The heartbeat finds it first, and beats on.
            wait_for("the heart", lambda: "WARNING" in _levels(caplog), 10)
            hang.release()
            wait_for("the error", lambda: "instances of alpha: the store " in caplog.text, 10)
            wait_for("the next error", lambda: caplog.text.count("does not answer") > 1, 10)
            assert thread.is_alive()
        assert key not in expected.servers(shared.store)
    assert "@127.0.0.1" in caplog.text
    assert "defect" not in caplog.text
    # Nothing could be written of it: its lease runs out.
    assert shared.job("instances", "error") is None
    assert shared.cycle("instances", after=2) == []
    assert key in expected.servers(shared.store)


def test_an_outcome_that_cannot_be_written(
    shared: Lab, postgres: Postgresql, caplog: pytest.LogCaptureFixture
) -> None:
    shared.double()
    shared.cycle()
    shared.clock.advance(SOON)
    shared.sql(f"UPDATE job SET next_at = {shared.clock.now} WHERE kind = 'instances'")
    hang = Hang()
    shared.edge.rule("os-services", hang)
    failing = shared.edge.rule("changes-since", Status(500))
    with running(shared.collector()):
        assert hang.reached.wait(10)
        with away(shared, postgres):
            hang.release()
            said = "the outcome of instances could not be written: the store"
            wait_for("the error", lambda: said in caplog.text, timeout=10)
    shared.edge.remove(failing)
    assert shared.cycle("instances", after=61) == []


def test_running_goes_on_when_the_store_is_back(
    shared: Lab, postgres: Postgresql, caplog: pytest.LogCaptureFixture
) -> None:
    shared.double()
    collector = shared.collector()
    with away(shared, postgres), running(collector) as thread:
        wait_for("the error", lambda: "does not answer" in caplog.text, timeout=10)
        assert thread.is_alive()
