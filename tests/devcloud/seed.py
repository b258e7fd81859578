"""Fill a cloud with customers, tenants, servers and volumes that look like somebody's."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from . import catalog
from .progress import step
from .quiet import settle
from .rest import Rest

CUSTOMERS = (
    "Acme Corp",
    "Globex",
    "Initech",
    "Stark Shipping",
    "Northwind Traders",
    "Contoso Health",
    "Wayne Logistics",
    "Tyrell Biotech",
    "Umbrella Insurance",
    "Hooli",
)
TENANTS_OF_A_CUSTOMER = 6
TENANTS = (
    "web-shop",
    "analytics",
    "billing",
    "mobile-backend",
    "data-lake",
    "staging",
    "intranet",
    "ci-runners",
    "monitoring",
    "crm",
    "video-archive",
    "search",
    "iot-gateway",
    "research",
    "disaster-recovery",
)
SERVERS = ("web", "db", "worker", "cache", "proxy", "build")
VOLUMES = ("data", "backup", "logs", "media")
FLAVORS = ("m1.small", "m1.medium", "m1.large", "c1.diskless", "m1.tiny", "d1.scratch")
# Quotas of the tenants, in turn: cores, RAM in MiB, instances, GiB, volumes, snapshots.
QUOTAS: tuple[tuple[int, ...] | None, ...] = (
    (40, 81920, 20, 2000, 40, 40),
    (64, 131072, 30, 5000, 50, 50),
    None,  # what the cloud gives to everybody
    (24, 49152, 12, 1000, 20, 20),
    (-1, -1, -1, -1, -1, -1),
    (100, 204800, 50, 10000, 100, 100),
    (0, 0, 0, 0, 0, 0),  # closed: nothing may be made there
)
SIZES = (3, 1, 4, 2, 0)
JOBS = 3
T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Tenant:
    id: str
    name: str
    usable: bool  # its quota allows something


def _all(action: Callable[..., T], *arguments: Iterable[Any]) -> list[T]:
    """Side by side, but only so many: the cloud shares its machine."""
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        return list(pool.map(action, *arguments))


def _numbered(names: tuple[str, ...]) -> Iterator[str]:
    """The names, and when they are used up the same with a number: web, db, web-2, db-2."""
    for round_ in itertools.count(1):
        for name in names:
            yield name if round_ == 1 else f"{name}-{round_}"


def seed(
    rest: Rest,
    tenants: int = 20,
    servers: int = 30,
    volumes: int = 15,
    snapshots: int = 5,
    deletions: int = 4,
) -> None:
    """Bring the cloud to these numbers; what is there already is not made again.

    `deletions`: so many servers, and half as many volumes, are made and deleted again.
    """
    with step(f"seed {tenants} tenants"):
        known = make_tenants(rest, tenants)
    usable = [tenant for tenant in known if tenant.usable]
    with step(f"seed {servers} servers, {volumes} volumes, {snapshots} snapshots"):
        made = _make_servers(rest, usable, servers)
        _make_volumes(rest, usable, volumes)
        settle(rest)
        _make_snapshots(rest, snapshots)
        settle(rest)
    if made and deletions:
        with step(f"seed {deletions} deletions"):
            _make_and_delete(rest, usable, deletions)


# -- tenants


def make_tenants(rest: Rest, count: int) -> list[Tenant]:
    """The first `count` tenants, those that exist included."""
    number_of_domains = -(-count // TENANTS_OF_A_CUSTOMER)
    names = list(itertools.islice(_numbered(CUSTOMERS), number_of_domains))
    domains = [make_domain(rest, name) for name in names]
    found = rest.call("GET", "keystone", "/projects")["projects"]
    existing = {(p["domain_id"], p["name"]): p["id"] for p in found}
    roles = {role["name"]: role["id"] for role in rest.call("GET", "keystone", "/roles")["roles"]}

    def tenant(number: int) -> Tenant:
        customer, place = divmod(number, TENANTS_OF_A_CUSTOMER)
        # Customers have different tenants: each begins elsewhere in the list of names.
        name = TENANTS[(place + 4 * customer) % len(TENANTS)]
        quota = QUOTAS[number % len(QUOTAS)]
        id_ = existing.get((domains[customer], name))
        if not id_:
            id_ = make_project(rest, domains[customer], name, roles["admin"])
            set_quotas(rest, id_, quota)
        return Tenant(id_, name, usable=not quota or quota[0] != 0)

    return _all(tenant, range(count))


def make_domain(rest: Rest, name: str) -> str:
    query = name.replace(" ", "%20")
    if found := rest.call("GET", "keystone", f"/domains?name={query}")["domains"]:
        return found[0]["id"]
    body = {"domain": {"name": name, "description": f"Customer {name}"}}
    return rest.call("POST", "keystone", "/domains", body)["domain"]["id"]


def make_project(rest: Rest, domain: str, name: str, role: str) -> str:
    project = {"name": name, "domain_id": domain}
    made = rest.call("POST", "keystone", "/projects", {"project": project})["project"]["id"]
    # The admin works in the project too: servers and volumes belong to the token's project.
    path = f"/projects/{made}/users/{rest.admin_user}/roles/{role}"
    rest.call("PUT", "keystone", path)
    return made


def set_quotas(rest: Rest, tenant: str, quota: tuple[int, ...] | None) -> None:
    """Cores, RAM (MiB), instances; gigabytes, volumes, snapshots. None: the cloud's defaults."""
    if quota is None:
        return
    compute = dict(zip(("cores", "ram", "instances"), quota[:3], strict=True), force=True)
    rest.call("PUT", "nova", f"/os-quota-sets/{tenant}", {"quota_set": compute}, "2.87")
    storage = dict(zip(("gigabytes", "volumes", "snapshots"), quota[3:], strict=True))
    rest.call("PUT", "cinder", f"/os-quota-sets/{tenant}", {"quota_set": storage})


# -- servers, volumes, snapshots


def boot(
    rest: Rest, tenant: str, name: str, flavor: str, image: str, disks: Iterable[Any] = ()
) -> str:
    server = {"name": name, "flavorRef": flavor, "imageRef": image, "networks": "none"}
    body = {"server": server | ({"block_device_mapping_v2": [*disks]} if disks else {})}
    return rest.call("POST", "nova", "/servers", body, "2.87", tenant)["server"]["id"]


def boot_on_volume(
    rest: Rest, tenant: str, name: str, flavor: str, image: str, gigabytes: int
) -> str:
    """A server whose root is a volume that Nova makes of the image, and deletes with it."""
    root = {"boot_index": 0, "source_type": "image", "uuid": image, "delete_on_termination": True}
    root |= {"destination_type": "volume", "volume_size": gigabytes}
    return boot(rest, tenant, name, flavor, image, [root])


def make_volume(rest: Rest, tenant: str, name: str, size: int) -> str:
    body = {"volume": {"name": name, "size": size}}
    return rest.call("POST", "cinder", "/volumes", body, None, tenant)["volume"]["id"]


def _spread(tenants: list[Tenant], names: tuple[str, ...], count: int) -> list[tuple[Tenant, str]]:
    """Tenants differ in size: some have many, some have nothing."""
    streams = {tenant.id: _numbered(names) for tenant in tenants}
    sized = zip(itertools.cycle(tenants), itertools.cycle(SIZES))
    places = (tenant for tenant, size in sized for _ in range(size))
    return [(tenant, next(streams[tenant.id])) for tenant in itertools.islice(places, count)]


def _make_servers(rest: Rest, tenants: list[Tenant], count: int) -> int:
    found = rest.pages("nova", "/servers/detail?all_tenants=1", "servers", "2.87")
    existing = {(server["tenant_id"], server["name"]) for server in found}
    image = catalog.image(rest)
    wanted = enumerate(_spread(tenants, SERVERS, count))
    missing = [(n, t, name) for n, (t, name) in wanted if (t.id, name) not in existing]

    def make(number: int, tenant: Tenant, name: str) -> str:
        return boot(rest, tenant.id, name, FLAVORS[number % len(FLAVORS)], image)

    return len(_all(lambda job: make(*job), missing))


def _make_volumes(rest: Rest, tenants: list[Tenant], count: int) -> None:
    found = rest.pages("cinder", "/volumes/detail?all_tenants=1", "volumes")
    existing = {(volume["os-vol-tenant-attr:tenant_id"], volume["name"]) for volume in found}
    wanted = enumerate(_spread(tenants[1:] + tenants[:1], VOLUMES, count))
    missing = [(n, t, name) for n, (t, name) in wanted if (t.id, name) not in existing]
    sizes = (10, 20, 50, 100, 5)
    _all(lambda job: make_volume(rest, job[1].id, job[2], sizes[job[0] % len(sizes)]), missing)


def _make_snapshots(rest: Rest, count: int) -> None:
    existing = sum(1 for _ in rest.pages("cinder", "/snapshots?all_tenants=1", "snapshots"))
    volumes = rest.pages("cinder", "/volumes/detail?all_tenants=1&sort=created_at:asc", "volumes")
    for volume in itertools.islice(volumes, existing, count):
        snapshot = {"name": f"{volume['name']}-monday", "volume_id": volume["id"]}
        tenant = volume["os-vol-tenant-attr:tenant_id"]
        rest.call("POST", "cinder", "/snapshots", {"snapshot": snapshot}, None, tenant)


def _make_and_delete(rest: Rest, tenants: list[Tenant], count: int) -> None:
    image = catalog.image(rest)
    places = list(itertools.islice(itertools.cycle(tenants), count))
    servers = [boot(rest, t.id, f"trial-{n}", "m1.tiny", image) for n, t in enumerate(places, 1)]
    volumes = [make_volume(rest, t.id, "trial", 1) for t in places[: -(-count // 2)]]
    settle(rest)
    for server in servers:
        rest.call("DELETE", "nova", f"/servers/{server}")
    for volume in volumes:
        rest.call("DELETE", "cinder", f"/volumes/{volume}")
    settle(rest)
