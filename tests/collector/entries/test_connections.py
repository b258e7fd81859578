"""Clouds that come into the registry, or leave it, while a collector runs."""

import socket
from typing import Any
from uuid import uuid4

import pytest
import yaml

from openstats import conf
from openstats.cli.assembly import connect
from openstats.collector.collector import Collector
from openstats.collector.entries.connections import OVERDUE_SECONDS, READING_PERIOD
from openstats.collector.polls.kinds import POLLS
from openstats.storage import jobs
from openstats.storage.registry import clouds
from tests.collector import expected
from tests.collector.lab import Lab, running
from tests.devcloud.process import wait_for
from tests.double import Double

HERE = f"clouds.yaml of the collector on {socket.gethostname()}"


def write(lab: Lab, **changed: Any) -> None:
    """Write clouds.yaml; an entry of None is left out."""
    entries = {name: e for name, e in (lab.clouds | changed).items() if e is not None}
    (lab.directory / "clouds.yaml").write_text(yaml.safe_dump({"clouds": entries}))


def register(lab: Lab, name: str = "beta") -> None:
    """Register a cloud as the API does, from clouds.yaml."""
    write(lab)
    made = connect(conf.load([str(lab.directory / "openstats.conf")]), name)
    assert made
    now = int(lab.clock.now)
    with lab.store.transaction() as db:
        clouds.add(db, made.cloud, made.entry.urls, uuid=str(uuid4()), now=now)


def remove(lab: Lab, name: str) -> None:
    with lab.store.transaction() as db:
        (found,) = [cloud for cloud in clouds.clouds(db) if cloud.name == name]
        clouds.remove_cloud(db, found)


def refresh(lab: Lab, collector: Collector, after: float = 0) -> set[str]:
    lab.clock.advance(after)
    collector.connections.refresh()
    return set(collector.connections.by_name)


def errors(lab: Lab, cloud: str = "beta") -> set[str | None]:
    return {lab.outcome(kind, cloud).error for kind in POLLS}


@pytest.fixture
def usual(lab: Lab, alpha: Double) -> Collector:
    """Give a collector that knows of alpha, when beta is registered."""
    made = lab.use()
    lab.double("beta")
    register(lab)
    return made


def test_the_kinds_of_jobs_are_those_of_polls() -> None:
    assert set(POLLS) == set(jobs.KINDS)


def test_a_cloud_that_nobody_asks_is_taken_up(lab: Lab, usual: Collector) -> None:
    assert refresh(lab, usual) == {"alpha"}
    assert refresh(lab, usual, after=OVERDUE_SECONDS) == {"alpha", "beta"}
    assert usual.cycle() == []
    assert lab.outcome("quotas", "beta").polled_at == lab.clock.now
    assert expected.known_quotas(lab.store, "beta")


def test_a_collector_that_runs_takes_it_up(lab: Lab, usual: Collector) -> None:
    lab.clock.advance(OVERDUE_SECONDS)
    with running(usual):
        wait_for("beta", lambda: lab.outcome("discovery", "beta").polled_at)
    assert errors(lab) == {None}


def test_a_cloud_that_another_one_asks_is_left_alone(lab: Lab, usual: Collector) -> None:
    until = lab.clock.now + OVERDUE_SECONDS + 1
    lab.sql(f"UPDATE job SET leased_until = {until} WHERE kind = 'quotas' AND cloud_id = 2")
    assert refresh(lab, usual, after=OVERDUE_SECONDS) == {"alpha"}
    # It died.
    assert refresh(lab, usual, after=1) == {"alpha", "beta"}


def test_collector_of_some_clouds_takes_up_jobs_left_by_others(lab: Lab, alpha: Double) -> None:
    lab.double("beta")
    lab.cycle()
    one = lab.collector("alpha")
    assert refresh(lab, one, after=OVERDUE_SECONDS) == {"alpha"}
    assert refresh(lab, one, after=3600) == {"alpha", "beta"}


def test_an_entry_that_is_missing_is_an_error_until_it_is_there(
    lab: Lab, usual: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    write(lab, beta=None)
    refresh(lab, usual, after=OVERDUE_SECONDS)
    said = f"{HERE} has no entry beta"
    assert errors(lab) == {said}
    assert lab.outcome("quotas", "beta").error_at == lab.clock.now
    assert lab.job("quotas", "next_at", "beta") < lab.clock.now
    write(lab)
    # Not more than once a minute.
    assert refresh(lab, usual, after=READING_PERIOD - 1) == {"alpha"}
    assert refresh(lab, usual, after=1) == {"alpha", "beta"}
    assert usual.cycle() == []
    assert errors(lab) == {None}
    assert caplog.text.count(said) == 1


def test_an_entry_that_cannot_be_used_is_an_error(
    lab: Lab, usual: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    write(lab, beta={"auth": {"auth_url": "nonsense"}})
    for _ in range(2):
        refresh(lab, usual, after=READING_PERIOD)
    (said,) = errors(lab)
    assert str(said).startswith(f"{HERE}: the entry beta of clouds.yaml")
    assert caplog.text.count(HERE) == 1


def test_an_error_of_the_cloud_itself_stays(lab: Lab, usual: Collector) -> None:
    write(lab, beta=None)
    lab.sql("UPDATE job SET error = 'beta is down' WHERE kind = 'quotas'")
    refresh(lab, usual, after=OVERDUE_SECONDS)
    assert lab.outcome("quotas", "beta").error == "beta is down"


def test_a_cloud_that_was_removed_is_forgotten(lab: Lab, alpha: Double) -> None:
    beta = lab.double("beta")
    made = lab.use()
    assert lab.cycle() == []
    remove(lab, "beta")
    assert refresh(lab, made, after=3600) == {"alpha"}
    assert lab.cycle() == []
    assert lab.asked(beta.url) == 0
    assert lab.sql("SELECT name FROM cloud") == [("alpha",)]


def test_a_cloud_that_is_there_again_is_asked_by_its_new_entry(lab: Lab, alpha: Double) -> None:
    lab.double("beta")
    made = lab.use()
    before = made.connections.by_name["beta"]
    remove(lab, "beta")
    lab.double("beta")
    register(lab)
    assert refresh(lab, made) == {"alpha"}
    assert refresh(lab, made, after=OVERDUE_SECONDS) == {"alpha", "beta"}
    assert made.connections.by_name["beta"].cloud != before.cloud
    assert made.cycle() == []


def test_a_cloud_that_is_removed_while_it_is_asked(
    lab: Lab, alpha: Double, caplog: pytest.LogCaptureFixture
) -> None:
    def remove_once(_cloud: str, subject: str, _done: int, _total: int | None) -> None:
        if subject == "projects" and lab.sql("SELECT 1 FROM cloud"):
            remove(lab, "alpha")

    lab.use(progress=remove_once)
    assert lab.cycle() == []
    assert "another collector polls discovery of alpha now" in caplog.text
    assert lab.sql("SELECT count(*) FROM tenant") == [(0,)]


def test_an_entry_that_is_of_another_known_cloud_removes_nothing(
    lab: Lab, usual: Collector
) -> None:
    write(lab)
    refresh(lab, usual, after=OVERDUE_SECONDS)
    assert usual.cycle() == []
    before = lab.sql("SELECT count(*) FROM tenant")
    other = lab.collector("alpha")
    write(lab, beta=lab.clouds["alpha"])
    refresh(lab, other, after=7200)
    assert lab.sql("SELECT count(*) FROM tenant") == before
    assert f"{HERE}: the entry beta leads to the cloud alpha now" in errors(lab)
