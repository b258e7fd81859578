"""Coverage: statistics do not know a cloud of which a poll that they need never succeeded."""

from pathlib import Path

import pytest
from webtest import TestApp

from openstats.wsgi.app import make_app
from tests.api.receiving import loaded
from tests.collector.lab import SOON, Lab
from tests.double import Size
from tests.edge import Status

TestApp.__test__ = False

SIZE = Size(projects=3, servers=3, volumes=2, hypervisors=1, snapshots=1)
STATISTICS = {
    "resource": "resource/?auth_url={}",
    "quota": "quota/",
    "customer": "customer/",
    "creation-time": "creation-time/?type=project",
    "memory": "usage/?item=memory&basis=allocated",
    "storage": "usage/?item=storage&basis=allocated",
    "vcpu_hours": "usage/?item=vcpu_hours",
    "cpu": "usage/?item=cpu",
    "alert": "alert/",
}
USAGE = {"memory", "storage", "vcpu_hours", "cpu"}
NEEDED = {
    "discovery": ("/v3/projects", {*STATISTICS}),
    "capacity": ("/os-hypervisors/statistics", {"resource"}),
    "instances": ("/servers/detail", {"customer", "creation-time", *USAGE}),
    "volumes": ("/volumes/summary", {"creation-time", "storage"}),
    "quotas": ("/os-quota-sets", {"resource", "quota", "alert"}),
    "usage": ("/diagnostics", {"cpu"}),
}
"""By kind of poll: what it asks for, and which statistics need it."""


@pytest.mark.parametrize("kind", NEEDED)
def test_a_cloud_is_known_when_all_was_read_that_a_statistic_needs(
    lab: Lab, tmp_path: Path, kind: str
) -> None:
    call, unknown = NEEDED[kind]
    url = lab.double(size=SIZE).auth_url
    lab.edge.rule(call, Status(500, {}, b"{}"))
    assert [lab.cycle(after=SOON) for _ in range(2)] != [[], []]
    api = TestApp(make_app(loaded(tmp_path / "api.conf", {}), lab.store, lab.clock))
    tenants = 0 if kind == "discovery" else SIZE.projects
    for name, path in STATISTICS.items():
        answer = api.get(f"/api/stats/{path.format(url)}", status="*")
        # There is nothing to show of a cloud whose capacity was never read.
        assert (answer.status_int == 503) == ((kind, name) == ("capacity", "resource")), name
        if answer.status_int == 200:
            shown, clouds = answer.headers["X-Openstats-Coverage"].split()
            assert shown.endswith(f"/{tenants}"), name
            assert clouds == f"clouds={int(name not in unknown)}/1", name
