"""Clouds whose clocks are not ours."""

import logging
import re

import pytest

from tests.collector.lab import SMALL, SOON, Lab
from tests.collector.times import aligned

HOURS = 7200


@pytest.mark.parametrize("thing", ["server", "volume"])
def test_future_creation_date_becomes_the_first_sighting(lab: Lab, thing: str) -> None:
    double = lab.double(size=None)
    double.add_hypervisor("compute-0000")
    tenant = double.create_project("early", double.create_domain("Acme").id).id
    later = lab.clock.now + HOURS
    if thing == "server":
        double.boot(tenant, SMALL, created=later)
    else:
        double.create_volume(tenant, 5, created=later)
    kinds = "discovery", "instances", "volumes"
    assert lab.cycle(*kinds) == []
    first = int(lab.clock.now)
    assert lab.cycle(*kinds, after=SOON, full=True) == []
    assert lab.sql("SELECT created_at FROM project WHERE name = 'early'") == [(first,)]
    if thing == "server":
        assert lab.sql("SELECT created_at FROM instance") == [(first,)]


def test_a_server_that_ended_in_the_future_counts_until_it_was_seen_gone(lab: Lab) -> None:
    double = lab.double()
    aligned(lab)
    assert lab.cycle() == []
    server = next(iter(double.state.servers.values()))
    double.delete_server(server.id)
    server.updated = server.terminated = lab.clock.now + HOURS
    assert lab.cycle("instances", after=SOON) == []
    seen = int(lab.clock.now)
    # It is shown again by later polls.
    assert lab.cycle("instances", after=60) == []
    assert lab.sql("SELECT ended_at FROM ended_instance") == [(seen,)]


def test_changes_are_found_where_the_clock_of_the_cloud_is_behind(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    double = lab.double(clock_ahead=-HOURS)
    with caplog.at_level(logging.WARNING):
        assert lab.cycle() == []
        assert lab.cycle("instances", after=SOON) == []
    (said,) = [line for line in caplog.messages if "clock of" in line]
    assert re.fullmatch(r"alpha: the clock of 127\.0\.0\.1:\d+ is 719\d s behind ours: .*", said)
    server = double.boot(next(iter(double.state.servers.values())).tenant_id, SMALL)
    server.updated -= HOURS - 60
    assert lab.cycle("instances", after=SOON) == []
    assert lab.sql(f"SELECT count(*) FROM instance WHERE uuid = '{server.id}'") == [(1,)]
