"""Nova: hypervisors and their zones, servers and quotas."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import novaclient.exceptions

from openstats.clouds.asking import asking
from openstats.clouds.connection import Connection, parsed
from openstats.clouds.figures import moment, part, quota, signed, whole
from openstats.clouds.text import ID, UUID, text
from openstats.errors import TenantUnknownError
from openstats.meters import CAPACITY, COMPUTE, QUOTAS
from openstats.model import Capacity, Instance, Quota

FREE = ("free_ram_mb", "free_disk_gb")
GONE = ("DELETED", "SOFT_DELETED")
UNKNOWN = "UNKNOWN"
DOWN_CELLS_SHOWN = "2.69"


def capacity(connection: Connection) -> Capacity:
    """Give the sums over the hypervisors of enabled services: one call.

    Raises:
        RefusedError: the cloud serves no hypervisor statistics (any more), or not to this user.
    """
    with asking(connection.cloud.name, "Nova's hypervisor statistics"):
        figures = connection.nova.hypervisor_stats.statistics().to_dict()
        read = {name: (signed if name in FREE else whole)(figures, name) for name in CAPACITY}
        return Capacity(**read, source="nova")


def hosts_in_down_cells(connection: Connection) -> list[str]:
    """List compute hosts whose cell does not answer: Nova leaves their servers out, with a 200."""
    version = connection.nova.api_version.get_string()
    if parsed(version) < parsed(DOWN_CELLS_SHOWN):
        return []
    with asking(connection.cloud.name, "Nova's services"):
        return sorted(s["host"] for s in _services(connection) if s["status"] == UNKNOWN)


def _services(connection: Connection) -> list[dict[str, Any]]:
    _, body = connection.nova.client.get("/os-services?binary=nova-compute")
    return list(body["services"])


def zones(connection: Connection) -> dict[str, str]:
    """Give the availability zones of compute hosts, but for those of cells that are down: one call.

    Raises:
        RefusedError: not to this user.
    """
    with asking(connection.cloud.name, "Nova's services"):
        told = [service for service in _services(connection) if service["status"] != UNKNOWN]
        return {text(service["host"]): text(service["zone"]) for service in told}


def hosts(connection: Connection) -> dict[str, str]:
    """Give the compute hosts of hypervisors, by the names of those: one call for each page.

    Raises:
        RefusedError: not to this user.
    """
    found: dict[str, str] = {}
    query = ""
    while True:
        with asking(connection.cloud.name, "Nova's hypervisors"):
            _, body = connection.nova.client.get(f"/os-hypervisors/detail{query}")
            page = body["hypervisors"]
            found |= {text(h["hypervisor_hostname"]): text(h["service"]["host"]) for h in page}
            if not page or not body.get("hypervisors_links"):
                return found
            query = f"?{urlencode({'marker': page[-1]['id']})}"


def servers_in_down_cells(connection: Connection) -> bool:
    """Tell whether a cell that is down hides servers; only a list without paging says so."""
    with asking(connection.cloud.name, "Nova's servers of cells that are down"):
        _, body = connection.nova.client.get("/servers?all_tenants=1")
        return any(server.get("status") == UNKNOWN for server in body["servers"])


def servers(
    connection: Connection, *, page_size: int, changed_since: int | None = None
) -> Iterator[tuple[list[Instance], list[str]]]:
    """Stream pages of servers of all tenants: those that exist, and the uuids of those deleted.

    ``changed_since`` (Unix seconds) asks for what changed since then, deletions included; without
    it everything that exists is listed.
    """
    query: dict[str, Any] = {"all_tenants": 1, "limit": page_size}
    if changed_since is not None:
        query["changes-since"] = datetime.fromtimestamp(changed_since, UTC).strftime(
            "%Y-%m-%dT%H:%M:%SZ"
        )
    while True:
        with asking(connection.cloud.name, "Nova's servers"):
            _, body = connection.nova.client.get(f"/servers/detail?{urlencode(query)}")
            found = body["servers"]
            gone = [server["id"] for server in found if server["status"] in GONE]
            page = [
                _instance(server)
                for server in found
                if server["status"] not in GONE and not _of_down_cell(server)
            ]
        yield page, gone
        # The client drops the link to the next page; its presence alone says that there is one.
        if not found or not body.get("servers_links"):
            return
        query["marker"] = found[-1]["id"]


def _of_down_cell(server: dict[str, Any]) -> bool:
    """Return whether a server is a mere mention by Nova's API database.

    UNKNOWN is also what Nova calls the status of one that it shows in full.
    """
    return server["status"] == UNKNOWN and "name" not in server


def _instance(server: dict[str, Any]) -> Instance:
    flavor = server["flavor"]
    return Instance(
        uuid=text(server["id"], UUID),
        tenant=text(server["tenant_id"], ID),
        name=text(server.get("name") or ""),
        status=text(server["status"], ID),
        vcpus=part(flavor, "vcpus"),
        ram=part(flavor, "ram"),
        disk=_local_disk(server, flavor),
        host=text(server.get("OS-EXT-SRV-ATTR:hypervisor_hostname") or ""),
        created_at=moment(server, "created"),
    )


def _local_disk(server: dict[str, Any], flavor: dict[str, Any]) -> int:
    """Give MiB. Who has no image was booted from a volume, whatever the flavor's root."""
    root = part(flavor, "disk") if server.get("image") else 0
    # An empty text is how flavors say that they have none.
    swap = 0 if flavor["swap"] == "" else part(flavor, "swap")
    return (root + part(flavor, "ephemeral")) * 1024 + swap


def exists(connection: Connection, uuid: str) -> bool:
    """Tell whether a server is still there: only a 404, or its status, says that it is not."""
    with asking(connection.cloud.name, f"Nova's server {uuid}"):
        try:
            _, body = connection.nova.client.get(f"/servers/{uuid}")
        except novaclient.exceptions.NotFound:
            return False
        return body["server"]["status"] not in GONE


def quotas(connection: Connection, tenant: str) -> dict[str, Quota]:
    """Give a tenant's compute quotas by our names: one call.

    Raises:
        TenantUnknownError: Keystone told Nova that there is no such project.
    """
    with asking(connection.cloud.name, f"Nova's quotas of {tenant}"):
        try:
            figures = connection.nova.quotas.get(tenant, detail=True).to_dict()
        except novaclient.exceptions.BadRequest as error:
            if "valid project" not in str(error):
                raise
            raise TenantUnknownError(f"{connection.cloud.name}: no project {tenant}") from error
        return {
            meter.name: quota(figures, meter.resource)
            for meter in QUOTAS
            if meter.service == COMPUTE
        }
