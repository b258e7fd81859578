"""Nova of the double: version documents, servers, quotas. Hypervisors are in `hosts.py`.

Shapes after nova 34.0.0 (api/openstack/compute/views/servers.py, quota_sets.py, versions.py).
"""

from collections.abc import Mapping
from typing import Any

from tests.double import paging
from tests.double.servers import VM_STATES, detail, from_down_cell
from tests.double.state import Server
from tests.double.times import parsed
from tests.double.web import Reply, Request, ServiceError, Site, dotted

Document = dict[str, Any]

PAGING = ("limit", "marker", "sort_key", "sort_dir")
# schemas/servers.py: from 2.75 whatever is not known is refused.
KNOWN = frozenset(
    {
        *PAGING,
        "all_tenants",
        "changes-before",
        "changes-since",
        "deleted",
        "flavor",
        "host",
        "hostname",
        "image",
        "ip",
        "ip6",
        "locked",
        "name",
        "node",
        "not-tags",
        "not-tags-any",
        "project_id",
        "reservation_id",
        "soft_deleted",
        "status",
        "tags",
        "tags-any",
        "tenant_id",
        "user_id",
        "uuid",
        "availability_zone",
        "description",
        "power_state",
        "task_state",
        "vm_state",
    }
)
LIMITS = {
    "cores": 20,
    "instances": 10,
    "key_pairs": 100,
    "metadata_items": 128,
    "ram": 51200,
    "server_group_members": 10,
    "server_groups": 10,
}
NETWORK_LIMITS = dict.fromkeys(
    ("fixed_ips", "floating_ips", "security_group_rules", "security_groups"), -1
)
FILE_LIMITS = {
    "injected_file_content_bytes": 10240,
    "injected_file_path_bytes": 255,
    "injected_files": 5,
}


def _version(site: Site) -> Document:
    return {
        "id": "v2.1",
        "status": "CURRENT",
        "version": dotted(site.settings.compute_max),
        "min_version": "2.1",
        "updated": "2013-07-23T11:33:21Z",
    }


def versions(site: Site, request: Request) -> Reply:
    """Answer the root document."""
    links = [{"rel": "self", "href": f"{request.url}/v2.1/"}]
    return Reply({"versions": [_version(site) | {"links": links}]})


def version(site: Site, request: Request) -> Reply:
    """Answer the document of v2.1."""
    more = {
        "links": [
            {"rel": "self", "href": f"{request.url}/v2.1/"},
            {"rel": "describedby", "type": "text/html", "href": "http://docs.openstack.org/"},
        ],
        "media-types": [
            {
                "base": "application/json",
                "type": "application/vnd.openstack.compute+json;version=2.1",
            }
        ],
    }
    return Reply({"version": _version(site) | more})


def servers(site: Site, request: Request) -> Reply:
    """List a page of servers in detail."""
    query = request.query
    if request.version >= (2, 75) and not query.keys() <= KNOWN:
        raise ServiceError(400, "Additional query parameters are not allowed.")
    if request.version >= (2, 38) and query.get("status", "active").upper() not in VM_STATES:
        raise ServiceError(400, "Invalid status value")
    found = sorted(_wanted(site, request), key=_order)
    reachable = [each for each in found if each.cell not in site.state.down_cells]
    size = paging.limit(query, site.settings.max_limit)
    shown = paging.page(reachable, size, _order, _marker(site, query))
    document: Document = {"servers": [detail(site, request, each) for each in shown]}
    if shown and len(shown) == size:
        path = "/v2.1/servers/detail"
        document["servers_links"] = paging.next_link(request, path, shown[-1].id)
    if _tells_down_cells(request):
        down = [each for each in found if each.cell in site.state.down_cells]
        document["servers"] += [from_down_cell(request, each) for each in down]
    return Reply(document)


def server_names(site: Site, request: Request) -> Reply:
    """List a page of servers without detail: of a down cell's the status is told, of no other."""
    document = servers(site, request).document
    document["servers"] = [_named(each) for each in document["servers"]]
    for link in document.get("servers_links", ()):
        link["href"] = link["href"].replace("/servers/detail", "/servers")
    return Reply(document)


def _named(server: Document) -> Document:
    told = "status" if server["status"] == "UNKNOWN" else "name"
    return {key: server[key] for key in ("id", told, "links")}


def _order(server: Server) -> tuple[float, str]:
    return -server.created, server.id


def _marker(site: Site, query: Mapping[str, str]) -> Server | None:
    if "marker" not in query:
        return None
    marker = query["marker"]
    # nova/compute/instance_list.py reads deleted ones too: a marker survives its server.
    server = site.state.servers.get(marker) or site.state.deleted.get(marker)
    if server is None:
        raise ServiceError(400, f"marker [{marker}] not found")
    return server


def _tells_down_cells(request: Request) -> bool:
    # servers.py, _is_cell_down_supported: all_tenants is the only parameter that may be there.
    return request.version >= (2, 69) and request.query.keys() <= {"all_tenants"}


def _wanted(site: Site, request: Request) -> list[Server]:
    query = request.query
    since, before = _time(query, "changes-since"), _time(query, "changes-before")
    changes = since is not None or before is not None
    deleted = query.get("deleted", "").lower() in ("1", "true", "yes", "on")
    alive = [] if deleted else list(site.state.servers.values())
    gone = list(site.state.deleted.values()) if deleted or changes else []
    if not changes:
        alive = [each for each in alive if each.status != "SOFT_DELETED"]
    tenant = _tenant(request)
    return [
        each
        for each in (*alive, *gone)
        if (tenant is None or each.tenant_id == tenant)
        and (since is None or each.updated >= since)
        and (before is None or each.updated <= before)
        and query.get("status", each.status).upper() == each.status
        and query.get("name", "") in each.name
        and query.get("uuid", each.id) == each.id
        and query.get("host") in (None, site.state.hypervisors[each.hypervisor_id].host)
    ]


def _tenant(request: Request) -> str | None:
    query = request.query
    if query.get("all_tenants", "0").lower() in ("", "1", "true", "yes", "on"):
        return query.get("tenant_id") or query.get("project_id")
    return request.token.project_id if request.token else None


def _time(query: Mapping[str, str], name: str) -> float | None:
    if name not in query:
        return None
    try:
        return parsed(query[name])
    except ValueError as error:
        message = f"Invalid input for query parameters {name}. Value: {query[name]}."
        raise ServiceError(400, message) from error


def server(site: Site, request: Request, id: str) -> Reply:
    """One server; 404 as soon as it is deleted."""
    found = site.state.servers.get(id)
    if found is None:
        raise ServiceError(404, f"Instance {id} could not be found.")
    if found.cell in site.state.down_cells:
        if request.version < (2, 69):
            raise ServiceError(500, "Unexpected API Error.")
        return Reply({"server": from_down_cell(request, found, whole=True)})
    document = detail(site, request, found)
    if request.version >= (2, 71):
        document["server_groups"] = []
    return Reply({"server": document})


def quota_detail(site: Site, request: Request, tenant: str) -> Reply:
    """Limits with what is in use; Nova asks Keystone whether the project is there."""
    in_use = site.state.compute_in_use(tenant)
    limits = _limits(site, request, tenant)
    quota = {
        name: {"limit": limit, "in_use": in_use.get(name, 0), "reserved": 0}
        for name, limit in limits.items()
    }
    return Reply({"quota_set": {"id": tenant, **quota}})


def quota(site: Site, request: Request, tenant: str) -> Reply:
    """Limits only."""
    return Reply({"quota_set": {"id": tenant, **_limits(site, request, tenant)}})


def _limits(site: Site, request: Request, tenant: str) -> dict[str, int]:
    if tenant not in site.state.projects:
        raise ServiceError(400, f"Project ID {tenant} is not a valid project.")
    limits = dict(LIMITS)
    if request.version < (2, 57):
        limits |= FILE_LIMITS
    if request.version < (2, 36):
        limits |= NETWORK_LIMITS
    own = site.state.limits.get(tenant, {})
    return {name: own.get(name, limit) for name, limit in sorted(limits.items())}
