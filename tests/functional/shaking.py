"""Random worlds: `shake` disturbs a cloud, and waits until it is quiet again.

What is done is decided by the given random.Random alone; only ids and dates differ between runs.
"""

from __future__ import annotations

import random
from typing import Any

from tests.devcloud import Cloud, catalog, quiet, seed
from tests.functional.steps import (
    ACTIONS,
    MAX_SERVERS,
    MAX_VOLUMES,
    TOO_LARGE,
    boot,
    create_volume,
    settle,
)
from tests.functional.world import DOMAINS, Item, World, look

MAX_TENANTS = 12
ROUND = 6  # actions side by side, each on another object


def shake(cloud: Cloud, rng: random.Random, steps: int = 40) -> None:
    """Take so many random steps, then end with what would be in the way of further ones."""
    _undo_endings(cloud, rng)
    _fill(cloud, rng)
    while steps > 0:
        world = look(cloud, rng)
        taken: set[str] = set()
        for _ in range(min(steps, ROUND)):
            rng.choices(*zip(*ACTIONS.items(), strict=True))[0](world, taken)
        settle(cloud, rng)
        steps -= ROUND
    _end(look(cloud, rng))
    cloud.wait_until_quiet()


def enable_compute_services(cloud: Cloud) -> None:
    """Enable hosts that a shake has disabled: no server would find a place."""
    for service in _compute_services(cloud):
        _set_status(cloud, service, "enabled")


def _undo_endings(cloud: Cloud, rng: random.Random) -> None:
    """Enable what the last shake has disabled: nothing could be done there."""
    enable_compute_services(cloud)
    for tenant in look(cloud, rng).tenants:
        if not tenant["enabled"]:
            _change(cloud, tenant["id"], enabled=True)


def _compute_services(cloud: Cloud) -> list[Item]:
    path = "/os-services?binary=nova-compute"
    found = cloud.rest.call("GET", "nova", path, None, "2.87")["services"]
    return sorted(found, key=lambda service: service["host"])


def _set_status(cloud: Cloud, service: Item, status: str) -> None:
    path = f"/os-services/{service['id']}"
    cloud.rest.call("PUT", "nova", path, {"status": status}, "2.87")


def _change(cloud: Cloud, tenant: str, **values: Any) -> None:
    cloud.rest.call("PATCH", "keystone", f"/projects/{tenant}", {"project": values})


def _fill(cloud: Cloud, rng: random.Random) -> None:
    """At least half of what a world may have, so that every step finds something."""
    rest = cloud.rest
    flavor = {"id": TOO_LARGE, "name": TOO_LARGE, "vcpus": 1, "ram": 64, "disk": 100_000}
    with catalog.may_exist():
        rest.call("POST", "nova", "/flavors", {"flavor": flavor})
    role = rest.call("GET", "keystone", "/roles?name=admin")["roles"][0]["id"]
    domains = [seed.make_domain(rest, name) for name in DOMAINS]
    world = look(cloud, rng)
    for _ in range(len(world.tenants), rng.randint(MAX_TENANTS // 2, MAX_TENANTS)):
        seed.make_project(rest, rng.choice(domains), world.name("tenant"), role)
    world = look(cloud, rng)
    for _ in range(len(world.servers), MAX_SERVERS // 2):
        boot(world, set())
    for _ in range(len(world.volumes), MAX_VOLUMES // 2):
        create_volume(world, set())
    settle(cloud, rng)


def _end(world: World) -> None:
    """Delete a tenant after all that is its own, disable another, and sometimes a compute host."""
    rng = world.rng
    doomed, disabled, tagged = rng.sample(world.tenants, 3)
    for server in (s for s in world.servers if s["tenant"] == doomed["id"]):
        world.call("DELETE", "nova", f"/servers/{server['id']}")
    for kind, items in (("snapshots", world.snapshots), ("volumes", world.volumes)):
        for item in (i for i in items if i["tenant"] == doomed["id"]):
            world.call("DELETE", "cinder", f"/{kind}/{item['id']}")
        quiet.settle(world.cloud.rest)
    world.call("DELETE", "keystone", f"/projects/{doomed['id']}")
    _change(world.cloud, disabled["id"], enabled=False)
    _change(world.cloud, tagged["id"], tags=sorted({"gold", world.name("tag")}))
    if rng.random() < 0.5:
        _set_status(world.cloud, rng.choice(_compute_services(world.cloud)), "disabled")
