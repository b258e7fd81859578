"""Nova's server diagnostics of the double: every running server burns a share of its vCPUs.

Shape after nova 34.0.0 (api/openstack/compute/views/server_diagnostics.py), for 2.48 and above.
"""

from typing import Any

from tests.double.state import Server
from tests.double.web import Reply, Request, ServiceError, Site

Document = dict[str, Any]
NANO = 1e9


def burnt(server: Server, now: float) -> float:
    """CPU seconds that all vCPUs of a server have burnt since it was started."""
    return server.burn * server.flavor.vcpus * (now - (server.started or server.created))


def diagnostics(site: Site, request: Request, id: str) -> Reply:
    """Diagnostics of one server; 409 unless it runs."""
    server = site.state.servers.get(id)
    if server is None:
        raise ServiceError(404, f"Instance {id} could not be found.")
    if server.status != "ACTIVE":
        raise ServiceError(409, f"Cannot 'get_diagnostics' instance {id} while it is stopped")
    vcpus = server.flavor.vcpus
    each = int(burnt(server, site.clock()) / vcpus * NANO)
    return Reply(
        {
            "config_drive": False,
            "cpu_details": [{"id": i, "time": each, "utilisation": None} for i in range(vcpus)],
            "disk_details": [],
            "driver": "libvirt",
            "hypervisor": "kvm",
            "hypervisor_os": "linux",
            "memory_details": {"maximum": server.flavor.ram // 1024, "used": 0},
            "nic_details": [],
            "num_cpus": vcpus,
            "num_disks": 0,
            "num_nics": 0,
            "state": "running",
            "uptime": int(site.clock() - server.created),
        }
    )
