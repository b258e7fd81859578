"""How Nova shows a server, by microversion.

After nova 34.0.0, api/openstack/compute/views/servers.py (show, _show_from_down_cell).
"""

import hashlib
from typing import Any

from tests.double.identity import USER_ID
from tests.double.state import DISABLED_TRAIT, Server
from tests.double.times import micro, second_z
from tests.double.web import Request, Site

Document = dict[str, Any]

VM_STATES = {
    "ACTIVE": "active",
    "SHUTOFF": "stopped",
    "BUILD": "building",
    "ERROR": "error",
    "PAUSED": "paused",
    "RESCUE": "rescued",
    "SHELVED": "shelved",
    "SUSPENDED": "suspended",
    "DELETED": "deleted",
    "SOFT_DELETED": "soft-delete",
    "SHELVED_OFFLOADED": "shelved_offloaded",
    # Whatever pair of states api/openstack/common.py does not know.
    "UNKNOWN": "initialized",
}
POWER_STATES = {"ACTIVE": 1, "PAUSED": 3, "SHUTOFF": 4, "SUSPENDED": 4}
LATER = (
    ((2, 9), "locked", False),
    ((2, 19), "description", None),
    ((2, 26), "tags", []),
    ((2, 63), "trusted_image_certificates", None),
    ((2, 73), "locked_reason", None),
    ((2, 96), "pinned_availability_zone", None),
    ((2, 100), "scheduler_hints", {}),
)


def detail(site: Site, request: Request, server: Server) -> Document:
    """Show a server as lists and its own resource do."""
    document: Document = {
        "accessIPv4": "",
        "accessIPv6": "",
        "addresses": {},
        "created": second_z(server.created),
        "flavor": _flavor(request, server),
        "hostId": _host_id(site, server),
        "id": server.id,
        "image": _image(request, server),
        "links": _links(request, server),
        "metadata": {},
        "name": server.name,
        "status": server.status,
        "tenant_id": server.tenant_id,
        "user_id": USER_ID,
        "updated": second_z(server.updated),
        "OS-DCF:diskConfig": "MANUAL",
        "config_drive": "",
        "key_name": None,
        "OS-SRV-USG:launched_at": micro(server.created),
        "OS-SRV-USG:terminated_at": micro(server.terminated),
        "OS-EXT-STS:task_state": None,
        "OS-EXT-STS:vm_state": VM_STATES[server.status],
        "OS-EXT-STS:power_state": POWER_STATES.get(server.status, 0),
        "os-extended-volumes:volumes_attached": _attached(site, request, server),
    }
    if server.status in ("ACTIVE", "BUILD"):
        document["progress"] = 0
    document |= _where(site, request, server)
    return document | {name: value for since, name, value in LATER if request.version >= since}


def from_down_cell(request: Request, server: Server, whole: bool = False) -> Document:
    """Show what the API database knows; by its own id (`whole`) the request spec's part too."""
    document: Document = {
        "id": server.id,
        "status": "UNKNOWN",
        "tenant_id": server.tenant_id,
        "created": second_z(server.created),
        "links": _links(request, server),
    }
    if whole:
        document |= {
            "image": _image(request, server),
            "flavor": _flavor(request, server),
            "OS-EXT-AZ:availability_zone": "UNKNOWN",
            "OS-EXT-STS:power_state": 0,
            "user_id": USER_ID,
        }
        if request.version >= (2, 71):
            document["server_groups"] = []
    return document


def _flavor(request: Request, server: Server) -> Document:
    flavor = server.flavor
    if request.version < (2, 47):
        href = f"{request.url}/flavors/{flavor.name}"
        return {"id": flavor.name, "links": [{"rel": "bookmark", "href": href}]}
    return {
        "vcpus": flavor.vcpus,
        "ram": flavor.ram,
        "disk": flavor.disk,
        "ephemeral": flavor.ephemeral,
        "swap": flavor.swap,
        "original_name": flavor.name,
        "extra_specs": flavor.extra_specs,
    }


def _image(request: Request, server: Server) -> Document | str:
    if not server.image:
        return ""
    href = f"{request.url}/images/{server.image}"
    return {"id": server.image, "links": [{"rel": "bookmark", "href": href}]}


def _links(request: Request, server: Server) -> list[Document]:
    return [
        {"rel": "self", "href": f"{request.url}/v2.1/servers/{server.id}"},
        {"rel": "bookmark", "href": f"{request.url}/servers/{server.id}"},
    ]


def _host_id(site: Site, server: Server) -> str:
    host = site.state.hypervisors[server.hypervisor_id].host
    return hashlib.sha224((server.tenant_id + host).encode()).hexdigest()


def _attached(site: Site, request: Request, server: Server) -> list[Document]:
    volumes = site.state.attached.get(server.id, ())
    # 2.3 added delete_on_termination.
    more = {"delete_on_termination": False} if request.version >= (2, 3) else {}
    return [{"id": volume, **more} for volume in volumes]


def _where(site: Site, request: Request, server: Server) -> Document:
    hypervisor = site.state.hypervisors[server.hypervisor_id]
    service = site.state.service_of(hypervisor)
    attributes = {
        "host": hypervisor.host,
        "hypervisor_hostname": hypervisor.name,
        "instance_name": f"instance-{server.id[:8]}",
    }
    if request.version >= (2, 3):
        attributes |= {
            "hostname": server.name,
            "kernel_id": "",
            "launch_index": 0,
            "ramdisk_id": "",
            "reservation_id": f"r-{server.id[:8]}",
            "root_device_name": server.root_device,
            "user_data": None,
        }
    document = {f"OS-EXT-SRV-ATTR:{name}": value for name, value in attributes.items()}
    document["OS-EXT-AZ:availability_zone"] = service.zone
    if request.version >= (2, 16):
        disabled = DISABLED_TRAIT in hypervisor.provider.traits
        document["host_status"] = "DOWN" if not service.up else "MAINTENANCE" if disabled else "UP"
    return document
