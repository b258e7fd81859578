"""Nova of the double: hypervisors, their statistics, services; and Nova's table of routes.

Shapes after nova 34.0.0 (api/openstack/compute/hypervisors.py, services.py). The figures are the
provider's, so Nova and Placement agree to the digit, as they do on the devcloud.
"""

import json
from typing import Any

from tests.double import compute, diagnostics, paging
from tests.double.state import Hypervisor, Service
from tests.double.times import micro
from tests.double.web import Api, Microversions, Reply, Request, ServiceError, Site, fault, route

Document = dict[str, Any]

HEARTBEAT = 10.0
DOWN_SINCE = 3600.0
CPU_INFO = {
    "arch": "x86_64",
    "model": "Nehalem",
    "vendor": "Intel",
    "features": ["pge", "clflush"],
    "topology": {"cores": 1, "threads": 1, "sockets": 4},
}


def _figures(hypervisor: Hypervisor) -> dict[str, int]:
    provider = hypervisor.provider
    memory, disk = provider.total("MEMORY_MB"), provider.total("DISK_GB")
    memory_used, disk_used = provider.taken("MEMORY_MB"), provider.taken("DISK_GB")
    return {
        # Nova's vcpus leaves dedicated CPUs out, vcpus_used counts every flavor's.
        "vcpus": provider.total("VCPU"),
        "vcpus_used": provider.taken("VCPU") + provider.taken("PCPU"),
        "memory_mb": memory,
        "memory_mb_used": memory_used,
        "free_ram_mb": memory - memory_used,
        "local_gb": disk,
        "local_gb_used": disk_used,
        "free_disk_gb": disk - disk_used,
        "current_workload": 0,
        "running_vms": hypervisor.running_vms,
        "disk_available_least": 0,
    }


def statistics(site: Site, request: Request) -> Reply:
    """Sum over the hypervisors whose nova-compute is not disabled, be it up or down."""
    if request.version >= (2, 88):
        raise ServiceError(404, "The resource could not be found.")
    _reachable(site)
    counted = [
        _figures(each)
        for each in site.state.hypervisors.values()
        if not site.state.service_of(each).disabled
    ]
    names = counted[0].keys() if counted else ()
    sums = {name: sum(each[name] for each in counted) for name in names}
    return Reply({"hypervisor_statistics": {"count": len(counted), **sums}})


def hypervisors(site: Site, request: Request) -> Reply:
    """List a page of hypervisors in detail, disabled ones too."""
    _reachable(site)
    items = sorted(site.state.hypervisors.values(), key=lambda each: each.id)
    if request.version >= (2, 33):
        size = paging.limit(request.query, site.settings.max_limit)
        shown = paging.page(items, size, lambda each: each.id, _marker(site, request))
    else:
        size, shown = 0, items
    document: Document = {"hypervisors": [_detail(site, request, each) for each in shown]}
    if shown and len(shown) == size:
        path = "/v2.1/os-hypervisors/detail"
        document["hypervisors_links"] = paging.next_link(request, path, shown[-1].id)
    return Reply(document)


def _marker(site: Site, request: Request) -> Hypervisor | None:
    marker = request.query.get("marker")
    if marker is not None and marker not in site.state.hypervisors:
        raise ServiceError(400, f"marker [{marker}] not found")
    return site.state.hypervisors.get(marker or "")


def _reachable(site: Site) -> None:
    # compute/api.py, HostAPI: every cell's database is asked in turn, an error goes through.
    if site.state.down_cells:
        raise ServiceError(500, "Unexpected API Error.")


def _detail(site: Site, request: Request, hypervisor: Hypervisor) -> Document:
    service = site.state.service_of(hypervisor)
    by_uuid = request.version >= (2, 53)
    document: Document = {
        "id": hypervisor.id if by_uuid else _number(hypervisor.id),
        "hypervisor_hostname": hypervisor.name,
        "state": "up" if service.up else "down",
        "status": "disabled" if service.disabled else "enabled",
        "hypervisor_type": "fake",
        "hypervisor_version": 1000,
        "host_ip": "127.0.0.1",
        "service": {
            "id": service.id if by_uuid else _number(service.id),
            "host": service.host,
            "disabled_reason": service.disabled_reason,
        },
    }
    if request.version >= (2, 88):
        return document | {"uptime": None}
    cpu_info = CPU_INFO if request.version >= (2, 28) else json.dumps(CPU_INFO)
    return document | _figures(hypervisor) | {"cpu_info": cpu_info}


def _number(id: str) -> int:
    return int(id.replace("-", "")[:7], 16)


def services(site: Site, request: Request) -> Reply:
    """All services, or those of a host or binary."""
    query = request.query
    items = [
        _service(site, request, each)
        for each in site.state.services.values()
        if query.get("host", each.host) == each.host
        and query.get("binary", each.binary) == each.binary
    ]
    return Reply({"services": [each for each in items if each]})


def _service(site: Site, request: Request, service: Service) -> Document | None:
    if service.cell in site.state.down_cells:
        # Before 2.69 they are left out without a word.
        told = {"binary": service.binary, "host": service.host, "status": "UNKNOWN"}
        return told if request.version >= (2, 69) else None
    age = HEARTBEAT if service.up else DOWN_SINCE
    document: Document = {
        "binary": service.binary,
        "host": service.host,
        "id": service.id if request.version >= (2, 53) else _number(service.id),
        "zone": service.zone,
        "status": "disabled" if service.disabled else "enabled",
        "state": "up" if service.up else "down",
        "updated_at": micro(site.clock() - age),
        "disabled_reason": service.disabled_reason,
    }
    if request.version >= (2, 11):
        document["forced_down"] = False
    return document


API = Api(
    "compute",
    (
        route("/v2.1/servers", compute.server_names),
        route("/v2.1/servers/detail", compute.servers),
        route("/v2.1/servers/{}", compute.server),
        route("/v2.1/servers/{}/diagnostics", diagnostics.diagnostics),
        route("/v2.1/os-quota-sets/{}/detail", compute.quota_detail),
        route("/v2.1/os-quota-sets/{}", compute.quota),
        route("/v2.1/os-hypervisors/statistics", statistics),
        route("/v2.1/os-hypervisors/detail", hypervisors),
        route("/v2.1/os-services", services),
        route("/v2.1", compute.version, open=True),
        route("", compute.versions, open=True),
    ),
    fault,
    Microversions(
        "compute", (2, 1), lambda settings: settings.compute_max, "X-OpenStack-Nova-API-Version"
    ),
)
