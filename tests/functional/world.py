"""Random worlds on a devcloud: `shake` disturbs a cloud, and waits until it is quiet again.

What is done is decided by the given random.Random alone; only ids and dates differ between runs.
"""

from __future__ import annotations

import contextlib
import dataclasses
import random
from collections.abc import Callable, Iterator
from typing import Any

from tests.devcloud import Cloud, RestError, catalog, quiet, seed
from tests.devcloud.process import wait_for

DOMAINS = ("Aurora Foods", "Borealis Bank", "Cascade Media")
MAX_TENANTS, MAX_SERVERS, MAX_VOLUMES = 12, 15, 8
# Larger ones only: Nova refuses to make a disk smaller.
RESIZES = {
    "m1.tiny": ("m1.small", "m1.medium"),
    "m1.small": ("m1.medium", "m1.large"),
    "m1.medium": ("m1.large",),
    "c1.diskless": ("m1.small", "m1.large"),
}
SWITCHES = {
    "ACTIVE": ("os-stop", "shelve"),
    "SHUTOFF": ("os-start", "shelve"),
    "SHELVED_OFFLOADED": ("unshelve",),
}
# Fits on no hypervisor: its servers end in ERROR, in cell0. Quotas do not count disks.
TOO_LARGE = "x1.nowhere"
OVER_QUOTA = (403, 413)  # Nova's and Cinder's word for it; the world's quotas are random
ROUND = 6  # actions side by side, each on another object

Item = dict[str, Any]


@dataclasses.dataclass
class World:
    """The cloud as it is at the beginning of a round, in an order that does not depend on ids."""

    cloud: Cloud
    rng: random.Random
    image: str
    tenants: list[Item]
    servers: list[Item]
    volumes: list[Item]
    snapshots: list[Item]

    def call(self, method: str, service: str, path: str, body: Any = None, **more: Any) -> Any:
        return self.cloud.rest.call(method, service, path, body, **more)

    def name(self, kind: str) -> str:
        return f"{kind}-{self.rng.randrange(10**6):06}"


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


def look(cloud: Cloud, rng: random.Random) -> World:
    rest = cloud.rest
    # Only the domains of this module: whatever else is in the cloud is left alone.
    domains = {d["id"]: d["name"] for d in rest.call("GET", "keystone", "/domains")["domains"]}
    found = rest.call("GET", "keystone", "/projects")["projects"]
    tenants = [p for p in found if domains[p["domain_id"]] in DOMAINS]
    names = {tenant["id"]: tenant["name"] for tenant in tenants}

    def mine(service: str, path: str, key: str, tenant: str) -> list[Item]:
        version = "2.87" if service == "nova" else None
        items = list(rest.pages(service, path, key, version))
        items = [item | {"tenant": item[tenant]} for item in items if item[tenant] in names]
        return sorted(items, key=lambda item: (names[item["tenant"]], item["name"]))

    everywhere = "/detail?all_tenants=1"
    of_snapshot = "os-extended-snapshot-attributes:project_id"
    return World(
        cloud,
        rng,
        catalog.image(rest),
        sorted(tenants, key=lambda tenant: tenant["name"]),
        mine("nova", f"/servers{everywhere}", "servers", "tenant_id"),
        mine("cinder", f"/volumes{everywhere}", "volumes", "os-vol-tenant-attr:tenant_id"),
        mine("cinder", f"/snapshots{everywhere}", "snapshots", of_snapshot),
    )


# -- beginning and end


def _undo_endings(cloud: Cloud, rng: random.Random) -> None:
    """Enable what the last shake has disabled: nothing could be done there."""
    for service in _compute_services(cloud):
        _set_status(cloud, service, "enabled")
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
        _boot(world, set())
    for _ in range(len(world.volumes), MAX_VOLUMES // 2):
        _create_volume(world, set())
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


# -- steps: each chooses its object, and leaves alone what this round has touched already


def _pick(world: World, items: list[Item], taken: set[str]) -> Item | None:
    free = [item for item in items if item["id"] not in taken]
    chosen = world.rng.choice(free) if free else None
    if chosen:
        taken.add(chosen["id"])
    return chosen


def _act(world: World, server: Item, action: str, argument: Any = None) -> None:
    body = {action: argument}
    world.call("POST", "nova", f"/servers/{server['id']}/action", body, microversion="2.87")


@contextlib.contextmanager
def _may_refuse(*statuses: int) -> Iterator[None]:
    try:
        yield
    except RestError as error:
        if error.status not in statuses:
            raise


def _boot(world: World, taken: set[str]) -> None:
    if len(world.servers) >= MAX_SERVERS:
        _delete_server(world, taken)
        return
    flavor = world.rng.choice([*(flavor[0] for flavor in catalog.FLAVORS), TOO_LARGE])
    for tenant in world.rng.sample(world.tenants, 3):
        with _may_refuse(*OVER_QUOTA):
            seed.boot(world.cloud.rest, tenant["id"], world.name("server"), flavor, world.image)
            return


def _delete_server(world: World, taken: set[str]) -> None:
    if server := _pick(world, world.servers, taken):
        world.call("DELETE", "nova", f"/servers/{server['id']}")


def _resize(world: World, taken: set[str]) -> None:
    """Confirmed or reverted by `settle`."""
    whole = [server for server in world.servers if server["status"] in ("ACTIVE", "SHUTOFF")]
    choice = [server for server in whole if server["flavor"]["original_name"] in RESIZES]
    if server := _pick(world, choice, taken):
        flavor = world.rng.choice(RESIZES[server["flavor"]["original_name"]])
        # Nova falls over, KeyError, when it finds the tenant over another quota than it looks at.
        with _may_refuse(*OVER_QUOTA, 500):
            _act(world, server, "resize", {"flavorRef": flavor})


def _switch(world: World, taken: set[str]) -> None:
    """Stop, start, shelve or unshelve."""
    choice = [server for server in world.servers if server["status"] in SWITCHES]
    if server := _pick(world, choice, taken):
        _act(world, server, world.rng.choice(SWITCHES[server["status"]]))


def _create_volume(world: World, taken: set[str]) -> None:
    if len(world.volumes) >= MAX_VOLUMES:
        _delete_volume(world, taken)
        return
    tenant, size = world.rng.choice(world.tenants), world.rng.randint(1, 40)
    with _may_refuse(*OVER_QUOTA):
        seed.make_volume(world.cloud.rest, tenant["id"], world.name("volume"), size)


def _delete_volume(world: World, taken: set[str]) -> None:
    kept = {snapshot["volume_id"] for snapshot in world.snapshots}
    if volume := _pick(world, [v for v in world.volumes if v["id"] not in kept], taken):
        world.call("DELETE", "cinder", f"/volumes/{volume['id']}")


def _extend_volume(world: World, taken: set[str]) -> None:
    if volume := _pick(world, world.volumes, taken):
        body = {"os-extend": {"new_size": volume["size"] + world.rng.randint(1, 20)}}
        path = f"/volumes/{volume['id']}/action"
        with _may_refuse(*OVER_QUOTA):
            world.call("POST", "cinder", path, body, project=volume["tenant"])


def _create_snapshot(world: World, taken: set[str]) -> None:
    if volume := _pick(world, world.volumes, taken):
        body = {"snapshot": {"name": world.name("snapshot"), "volume_id": volume["id"]}}
        with _may_refuse(*OVER_QUOTA):
            world.call("POST", "cinder", "/snapshots", body, project=volume["tenant"])


def _delete_snapshot(world: World, taken: set[str]) -> None:
    # A volume that is worked on in this round keeps its snapshots until the next.
    choice = [snapshot for snapshot in world.snapshots if snapshot["volume_id"] not in taken]
    if snapshot := _pick(world, choice, taken):
        taken.add(snapshot["volume_id"])
        world.call("DELETE", "cinder", f"/snapshots/{snapshot['id']}")


def _set_quotas(world: World, taken: set[str]) -> None:
    def limit(top: int) -> int:
        return world.rng.choices((-1, 0, world.rng.randint(1, top)), (3, 1, 5))[0]

    if tenant := _pick(world, world.tenants, taken):
        limits = tuple(limit(top) for top in (99, 200_000, 40, 5000, 60, 60))
        with _may_refuse(400):  # Cinder, when there is more already
            seed.set_quotas(world.cloud.rest, tenant["id"], limits)


ACTIONS: dict[Callable[[World, set[str]], None], int] = {
    _boot: 10,
    _delete_server: 2,
    _resize: 4,
    _switch: 5,
    _create_volume: 4,
    _delete_volume: 2,
    _extend_volume: 3,
    _create_snapshot: 4,
    _delete_snapshot: 2,
    _set_quotas: 3,
}


# -- waiting


def settle(cloud: Cloud, rng: random.Random) -> None:
    """Wait for the round's actions; a resize is confirmed or reverted."""
    quiet.settle(cloud.rest)
    if resized := _resized(cloud, rng):
        for server in resized:
            action = {rng.choice(("confirmResize", "revertResize")): None}
            cloud.rest.call("POST", "nova", f"/servers/{server['id']}/action", action, "2.87")
        # A confirmation shows no task while it is under way.
        wait_for("resized servers", lambda: not _resized(cloud, rng))
        quiet.settle(cloud.rest)


def _resized(cloud: Cloud, rng: random.Random) -> list[Item]:
    return [server for server in look(cloud, rng).servers if server["status"] == "VERIFY_RESIZE"]
