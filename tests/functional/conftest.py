"""Two real clouds at once: one of the current release, one of Zed, with small pages."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from tests.devcloud import Cloud, catalog, seed
from tests.edge import Edge
from tests.functional.leaks import WATCH
from tests.functional.shaking import enable_compute_services
from tests.functional.system import System

KEPT = "OPENSTATS_KEEP_CLOUDS"
"""Set in the environment, the clouds stay up for the next run."""

CLOUDS = {
    # Pages of five servers: every list is longer than one.
    "current": {"release": "current", "port_base": 16000, "nova_max_limit": 5, "nodes": 3},
    "zed": {"release": "zed", "port_base": 16100, "nodes": 3},
}


@pytest.fixture(scope="session", autouse=True)
def nothing_leaked() -> Iterator[None]:
    """Fail the session where a password or a token is in what openstats wrote in any test."""
    yield
    if places := WATCH.leaks():
        pytest.fail("\n".join(["secrets were written down:", *places]), pytrace=False)


@pytest.fixture(scope="session")
def clouds() -> Iterator[dict[str, Cloud]]:
    made = {name: Cloud(f"test-{name}", **settings) for name, settings in CLOUDS.items()}
    for cloud in made.values():
        cloud.install()
    try:
        with ThreadPoolExecutor() as threads:
            list(threads.map(Cloud.up, made.values()))
        for cloud in made.values():
            cloud.seed(tenants=8, servers=12, volumes=6, snapshots=2, deletions=2)
        yield made
    finally:
        if KEPT not in os.environ:
            for cloud in made.values():
                cloud.down(wipe=True)


@pytest.fixture
def volume_backed(clouds: dict[str, Cloud]) -> Iterator[dict[str, Cloud]]:
    """The clouds, each with a server that has an image, and whose root is a volume."""
    made = {name: _boot_on_volume(cloud) for name, cloud in clouds.items()}
    yield clouds
    for name, server in made.items():
        clouds[name].rest.call("DELETE", "nova", f"/servers/{server}")
        clouds[name].wait_until_quiet()


def _boot_on_volume(cloud: Cloud) -> str:
    enable_compute_services(cloud)
    rest, name = cloud.rest, "on-a-volume"
    role = rest.call("GET", "keystone", "/roles?name=admin")["roles"][0]["id"]
    tenant = seed.make_project(rest, seed.make_domain(rest, name), uuid4().hex, role)
    server = seed.boot_on_volume(rest, tenant, name, "m1.small", catalog.image(rest), 7)
    cloud.wait_until_quiet()
    booted = rest.call("GET", "nova", f"/servers/{server}", None, "2.87")["server"]
    assert booted["status"] == "ACTIVE", booted.get("fault")
    return server


@pytest.fixture
def edge() -> Iterator[Edge]:
    with Edge() as between:
        yield between


@pytest.fixture
def system(clouds: dict[str, Cloud], edge: Edge, tmp_path: Path) -> Iterator[System]:
    """A fresh installation that asks both clouds through the edge."""
    entries = {name: cloud.clouds_entry() for name, cloud in clouds.items()}
    with System(tmp_path, entries, edge) as fresh:
        yield fresh
