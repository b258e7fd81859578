"""Usage of real clouds: what is allocated by their own databases, CPU time by their drivers."""

import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from tests.devcloud import Cloud
from tests.devcloud.process import wait_for
from tests.functional import oracle
from tests.functional.steps import age_servers
from tests.functional.system import Api, System
from tests.peers import Gnocchi, Instance

GRID = 300
BURN = 25.0
"""The share of its vCPUs that a guest of the devcloud burns, in %."""
AWHILE = 20.0
ON_VOLUME = (2048, 7 * 1024, 1)
"""What is allocated to the server ``volume_backed``: MiB of memory and of disk, and vCPUs."""


@pytest.fixture
def ticked(system: System, volume_backed: dict[str, Cloud]) -> System:
    """Give an installation in which a tick began five minutes ago, and ended just now.

    The clouds' own counters go by the real time, of which five minutes are too many to wait for:
    instead, what was read first is put back to before.
    """
    for cloud in volume_backed.values():
        cloud.wait_until_quiet()
        age_servers(cloud)
    began = time.time()
    system.run("collect", "--once", "--full")
    wait_for("guests to burn", lambda: time.time() - began > AWHILE)
    system.sql(f"UPDATE reading SET at = at - {GRID}")
    # A grid's edge may have passed meanwhile: then there are two steps.
    system.run("collect", "--once")
    return system


def used(api: Api, item: str) -> dict[str, float]:
    """Give what each project (uuid) used in the last second that was read."""
    until = int(api.ask("usage", item=item)[2]["X-Openstats-Complete-Until"])
    window = {"from_": until - 1, "to": until, "datapoints": 1, "with": "uuid", "strict": "true"}
    found = api.get("usage", item=item, aggregate="project", **window)
    return {entry["uuid"]: entry["datapoints"][0]["value"] for entry in found}


def check_allocated(system: System, api: Api, clouds: dict[str, Cloud]) -> None:
    wanted = {name: oracle.allocated(cloud) for name, cloud in clouds.items()}
    found = {item: used(api, item) for item in ("memory", "storage", "vcpu_hours")}
    assert sum(found["memory"].values()) > 0
    assert all(ON_VOLUME in tenants.values() for tenants in wanted.values())
    for project, (cloud, tenant) in system.tenants().items():
        memory, storage, vcpus = wanted[cloud].get(tenant, (0, 0, 0))
        assert found["memory"][project] == memory
        assert found["storage"][project] == storage
        assert found["vcpu_hours"][project] == pytest.approx(vcpus / 3600, abs=1e-6)


def running(cloud: Cloud) -> set[str]:
    """Give the tenants that have servers which run."""
    servers = cloud.rest.pages("nova", "/servers/detail?all_tenants=1", "servers", "2.87")
    return {server["tenant_id"] for server in servers if server["status"] == "ACTIVE"}


def check_cpu(system: System, api: Api, clouds: dict[str, Cloud]) -> None:
    burning = {name: running(cloud) for name, cloud in clouds.items()}
    assert all(burning.values())
    found = used(api, "cpu")
    for project, (cloud, tenant) in system.tenants().items():
        # Clouds and collector do not look at their clocks at the same moment.
        wanted = BURN if tenant in burning[cloud] else 0
        assert found[project] == pytest.approx(wanted, abs=0.1 * BURN)


def test_usage_is_what_the_clouds_themselves_say(ticked: System, clouds: dict[str, Cloud]) -> None:
    with ticked.serving() as api:
        check_allocated(ticked, api, clouds)
        check_cpu(ticked, api, clouds)


@pytest.fixture
def gnocchi(clouds: dict[str, Cloud], tmp_path: Path) -> Iterator[Gnocchi]:
    """Give a Gnocchi that asks a real Keystone who its callers are, and is in its catalog."""
    cloud, home = clouds["current"], tmp_path / "gnocchi"
    home.mkdir()
    with Gnocchi(home, keystone=cloud.clouds_entry()) as peer:
        service = {"service": {"name": "gnocchi", "type": "metric"}}
        made = cloud.rest.call("POST", "keystone", "/services", service)["service"]["id"]
        where = {"service_id": made, "interface": "public", "url": peer.url}
        where["region_id"] = cloud.plan.settings.region
        cloud.rest.call("POST", "keystone", "/endpoints", {"endpoint": where})
        try:
            yield peer
        finally:
            cloud.catalog()


def test_a_source_in_the_catalog_is_asked_with_the_clouds_own_token(
    system: System, gnocchi: Gnocchi
) -> None:
    system.run("discover")
    project, tenant = next((p, t) for p, (c, t) in system.tenants().items() if c == "current")
    # So long ago that nobody expects as many instances as run now.
    end = int(time.time()) // GRID * GRID - 8 * GRID
    polls = [end - 3600 + 17 + GRID * number for number in range(12)]
    samples = {"memory.usage": [(at, 1000.0 + k) for k, at in enumerate(polls)]}
    gnocchi.feed([Instance(str(UUID(int=1)), tenant, samples)])
    system.entries["current"] |= {"openstats": {"meter_source": "gnocchi"}}
    system.configure()
    system.run("collect", "--once")
    window = {"from_": end - 3600, "to": end, "datapoints": 12, "basis": "used"}
    with system.serving() as api:
        (entry,) = api.get("usage", item="memory", aggregate="project", uuid=project, **window)
    assert [point["value"] for point in entry["datapoints"]] == [1000.0 + k for k in range(12)]
