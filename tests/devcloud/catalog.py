"""What a new cloud is given: service users, the catalog, flavors, an image, a volume type."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from .plan import PASSWORD, Plan
from .rest import Rest, RestError

# The service types that block storage goes by: the official one, and what older clients ask for.
BLOCK_STORAGE_TYPES = ("block-storage", "volumev3")
SERVICE_TYPES = {"nova": "compute", "placement": "placement", "glance": "image"}
IMAGE = "debian-12"
FLAVORS = (  # name, vCPUs, RAM in MiB, disk, ephemeral disk in GiB, swap in MiB
    ("m1.tiny", 1, 512, 1, 0, 0),
    ("m1.small", 1, 2048, 20, 0, 0),
    ("m1.medium", 2, 4096, 40, 0, 0),
    ("m1.large", 4, 8192, 80, 0, 0),
    ("c1.diskless", 2, 4096, 0, 0, 0),
    ("d1.scratch", 2, 2048, 10, 30, 1024),
)


def service_users(rest: Rest) -> None:
    """Users of the services, with the roles that they need."""
    roles = {role["name"]: role["id"] for role in rest.call("GET", "keystone", "/roles")["roles"]}
    if "service" not in roles:
        body = {"role": {"name": "service"}}
        roles["service"] = rest.call("POST", "keystone", "/roles", body)["role"]["id"]
    body = {"project": {"name": "service", "domain_id": "default"}}
    project = rest.call("POST", "keystone", "/projects", body)["project"]["id"]
    for name in (*SERVICE_TYPES, "cinder"):
        user = {"name": name, "domain_id": "default", "password": PASSWORD}
        created = rest.call("POST", "keystone", "/users", {"user": user})["user"]["id"]
        for role in ("admin", "service"):
            path = f"/projects/{project}/users/{created}/roles/{roles[role]}"
            rest.call("PUT", "keystone", path)


def endpoints(rest: Rest, plan: Plan, block_storage_types: Sequence[str]) -> None:
    """Make the catalog say this, whatever it said before."""
    wanted = {kind: (name, plan.url(name)) for name, kind in SERVICE_TYPES.items()}
    for kind in block_storage_types:
        wanted[kind] = ("cinder", plan.url("cinder"))
    if "volumev3" in wanted:  # the only one that clients expect to end in a project id
        wanted["volumev3"] = ("cinderv3", plan.url("cinder") + "/%(project_id)s")
    found = rest.call("GET", "keystone", "/services")["services"]
    for service in found:
        if service["type"] != "identity" and service["type"] not in wanted:
            rest.call("DELETE", "keystone", f"/services/{service['id']}")
    for kind in wanted.keys() - {service["type"] for service in found}:
        name, url = wanted[kind]
        body = {"service": {"name": name, "type": kind}}
        service = rest.call("POST", "keystone", "/services", body)["service"]["id"]
        common = {"service_id": service, "url": url, "region_id": plan.settings.region}
        for interface in ("public", "internal", "admin"):
            body = {"endpoint": {**common, "interface": interface}}
            rest.call("POST", "keystone", "/endpoints", body)


@contextlib.contextmanager
def may_exist() -> Iterator[None]:
    try:
        yield
    except RestError as error:
        if error.status != 409:
            raise


def flavors(rest: Rest) -> None:
    for name, vcpus, ram, disk, ephemeral, swap in FLAVORS:
        flavor = {"id": name, "name": name, "vcpus": vcpus, "ram": ram, "disk": disk}
        flavor |= {"OS-FLV-EXT-DATA:ephemeral": ephemeral, "swap": swap}
        with may_exist():
            rest.call("POST", "nova", "/flavors", {"flavor": flavor})


def volume_type(rest: Rest) -> None:
    """Cinder creates no volume without one."""
    kind = {"name": "fake", "extra_specs": {"volume_backend_name": "fake"}}
    with may_exist():
        rest.call("POST", "cinder", "/types", {"volume_type": kind})


def image(rest: Rest) -> str:
    """The id of the one image, which is made when it is not there."""
    if found := rest.call("GET", "glance", f"/v2/images?name={IMAGE}")["images"]:
        return found[0]["id"]
    about = {"name": IMAGE, "disk_format": "raw", "container_format": "bare"}
    made = rest.call("POST", "glance", "/v2/images", about | {"visibility": "public"})
    rest.call("PUT", "glance", f"/v2/images/{made['id']}/file", b"\0")
    return made["id"]
