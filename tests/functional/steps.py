"""Steps that disturb a world, each on an object of its own, and what waits for them.

Each chooses its object by the world's random.Random, and leaves alone what was taken before.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any

from tests.devcloud import Cloud, RestError, catalog, quiet, seed
from tests.devcloud.process import wait_for
from tests.functional import oracle
from tests.functional.world import Item, World, look

MAX_SERVERS, MAX_VOLUMES = 15, 8
DATES = ("created_at", "launched_at", "updated_at", "terminated_at", "deleted_at")
EARLIER = ", ".join(f"{date} = {date} - interval '1 hour'" for date in DATES)
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


def age_servers(cloud: Cloud) -> None:
    """Have all that happened to servers be older than any tick: usage is exact by these dates."""
    for cell in oracle.CELLS:
        cloud.sql(cell, f"UPDATE instances SET {EARLIER} RETURNING id")


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


def boot(world: World, taken: set[str]) -> None:
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


def create_volume(world: World, taken: set[str]) -> None:
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
    boot: 10,
    _delete_server: 2,
    _resize: 4,
    _switch: 5,
    create_volume: 4,
    _delete_volume: 2,
    _extend_volume: 3,
    _create_snapshot: 4,
    _delete_snapshot: 2,
    _set_quotas: 3,
}


def settle(cloud: Cloud, rng: random.Random) -> None:
    """Wait for the round's actions; a resize is confirmed or reverted."""
    quiet.settle(cloud.rest)
    world = look(cloud, rng)
    if resized := _resized(world):
        for server in resized:
            _end_resize(world, server)
        # A confirmation shows no task while it is under way.
        wait_for("resized servers", lambda: not _resized(look(cloud, rng)))
        quiet.settle(cloud.rest)


def _resized(world: World) -> list[Item]:
    return [server for server in world.servers if server["status"] == "VERIFY_RESIZE"]


def _end_resize(world: World, server: Item) -> None:
    if world.rng.random() < 0.5:
        # Nova falls over here, too, when what it goes back to is over a quota lowered meanwhile.
        with _may_refuse(*OVER_QUOTA, 500):
            _act(world, server, "revertResize")
            return
    _act(world, server, "confirmResize")
