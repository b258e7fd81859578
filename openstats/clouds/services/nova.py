"""Nova: hypervisors and their zones, servers and quotas."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain
from typing import Any, NamedTuple
from urllib.parse import urlencode

import novaclient.exceptions

from openstats.clouds.connection import Connection, parsed
from openstats.clouds.errors import MALFORMED, translated
from openstats.clouds.figures import moment, part, quota, signed, whole
from openstats.clouds.omissions import Omissions, read_items
from openstats.clouds.paging import USUAL, PagedList, Paging, Query, pages
from openstats.clouds.sanitize import ID, UUID, clean, device_name
from openstats.errors import CloudError, TenantUnknownError
from openstats.meters import CAPACITY, COMPUTE, QUOTAS
from openstats.model import Capacity, Departure, Instance, Quota

FREE = ("free_ram_mb", "free_disk_gb")
GONE = ("DELETED", "SOFT_DELETED")
UNKNOWN, DISABLED = "UNKNOWN", "disabled"
DOWN_CELLS_SHOWN = "2.69"
SERVICES = "Nova's services"


def capacity(connection: Connection) -> Capacity:
    """Give the sums over the hypervisors of enabled services: one call.

    Raises:
        RefusedError: the cloud serves no hypervisor statistics (any more), or not to this user.
    """
    with translated(connection.cloud.name, "Nova's hypervisor statistics"):
        figures = connection.nova.hypervisor_stats.statistics().to_dict()
        read = {name: (signed if name in FREE else whole)(figures, name) for name in CAPACITY}
        return Capacity(**read, source="nova")


class ComputeHosts(NamedTuple):
    """Hosts whose cell does not answer, and how many hosts are in each state; None: not asked."""

    hidden: list[str]
    states: dict[str, int] | None


def compute_hosts(connection: Connection, *, used: bool) -> ComputeHosts:
    """Read which compute hosts there are: Nova leaves servers of hidden ones out, with a 200.

    Raises:
        CloudError: there is no compute service, though hosts are ``used``.
    """
    version = connection.nova.api_version.get_string()
    if parsed(version) < parsed(DOWN_CELLS_SHOWN):
        return ComputeHosts([], None)
    with translated(connection.cloud.name, SERVICES):
        rows = _services(connection)
        states = Counter(_state(row) for row in rows)
        hidden = sorted(clean(row["host"]) for row in rows if row["status"] == UNKNOWN)
    if used and not rows:
        raise CloudError(
            f"{connection.cloud.name}: {SERVICES}: it lists no nova-compute, though servers are on "
            "hosts; figures of before stay"
        )
    return ComputeHosts(hidden, {name: states[name] for name in ("up", "down", DISABLED)})


def _state(service: dict[str, Any]) -> str:
    if service["status"] == DISABLED:
        return DISABLED
    return "up" if service.get("state") == "up" else "down"


def _services(connection: Connection) -> list[dict[str, Any]]:
    _, body = connection.nova.client.get("/os-services?binary=nova-compute")
    return list(body["services"])


class Zones(NamedTuple):
    """The zones of compute hosts, which of these are disabled, and what had to be left out."""

    of_hosts: dict[str, str]
    disabled: set[str]
    omissions: Omissions


def zones(connection: Connection) -> Zones:
    """Return the zones of compute hosts, but for those of cells that are down: one call.

    Raises:
        RefusedError: not to this user.
    """
    omissions = Omissions(connection.cloud.name, "service")
    with translated(connection.cloud.name, SERVICES):
        rows = [row for row in _services(connection) if row["status"] != UNKNOWN]
        of_hosts = dict(read_items(rows, _zone, omissions))
        disabled = {row["host"] for row in rows if _state(row) == DISABLED}
        return Zones(of_hosts, disabled, omissions)


def _zone(service: dict[str, Any]) -> tuple[str, str]:
    return clean(service["host"]), clean(service["zone"])


def hosts(connection: Connection, paging: Paging = USUAL) -> tuple[dict[str, str], Omissions]:
    """Return the compute hosts of hypervisors, by the names of those: one call for each page.

    Raises:
        RefusedError: not to this user.
    """
    omissions = Omissions(connection.cloud.name, "hypervisor")
    rows = chain.from_iterable(
        _pages(connection, "hypervisors", "/os-hypervisors/detail", "Nova's hypervisors", paging)
    )
    with translated(connection.cloud.name, "Nova's hypervisors"):
        return dict(read_items(rows, _host, omissions)), omissions


def _host(hypervisor: dict[str, Any]) -> tuple[str, str]:
    return clean(hypervisor["hypervisor_hostname"]), clean(hypervisor["service"]["host"])


def _pages(
    connection: Connection,
    key: str,
    path: str,
    call: str,
    paging: Paging,
    query: Query | None = None,
) -> Iterator[list[Any]]:
    def ask(asked: Query) -> Mapping[str, Any]:
        # The client's managers drop the link to the next page.
        _, body = connection.nova.client.get(f"{path}?{urlencode(asked)}")
        return dict(body)

    return pages(PagedList(connection.cloud.name, call, key, ask), paging, query)


def servers_in_down_cells(connection: Connection) -> bool:
    """Tell whether a cell that is down hides servers; only a list without paging says so."""
    with translated(connection.cloud.name, "Nova's servers of cells that are down"):
        _, body = connection.nova.client.get("/servers?all_tenants=1")
        return any(server.get("status") == UNKNOWN for server in body["servers"])


def servers(
    connection: Connection,
    *,
    paging: Paging = USUAL,
    changed_since: int | None = None,
    tenant: str | None = None,
    omissions: Omissions | None = None,
) -> Iterator[tuple[list[Instance], list[Departure]]]:
    """Stream pages of servers of all tenants: those that exist, and those that were deleted.

    ``changed_since`` (Unix seconds) asks for what changed since then, deletions included; without
    it everything that exists is listed. ``tenant`` (a Keystone id) asks for its servers only.
    Servers that cannot be read are put into ``omissions``.

    Raises:
        CloudError: none of all the servers can be read.
    """
    query: Query = {"all_tenants": 1}
    if changed_since is not None:
        query["changes-since"] = datetime.fromtimestamp(changed_since, UTC).strftime(
            "%Y-%m-%dT%H:%M:%SZ"
        )
    if tenant is not None:
        query["tenant_id"] = tenant
    odd = omissions or Omissions(connection.cloud.name, "server")
    call = "Nova's servers"
    for rows in _pages(connection, "servers", "/servers/detail", call, paging, query):
        read = list(read_items(rows, _server, odd))
        page = [server for server in read if isinstance(server, Instance)]
        yield page, [server for server in read if isinstance(server, Departure)]
    if changed_since is None:
        with translated(connection.cloud.name, call):
            odd.refuse_all()


def _server(row: dict[str, Any]) -> Instance | Departure | None:
    """Return a server that exists, or was deleted; None for a lost cell's."""
    if row["status"] in GONE:
        return _departure(row)
    return None if _of_down_cell(row) else _instance(row)


def _departure(row: dict[str, Any]) -> Departure:
    """Return a server that was deleted; it is gone, be the rest of it readable or not."""
    uuid = clean(row["id"], UUID)
    try:
        terminated = row.get("OS-SRV-USG:terminated_at")
        ended_at = moment(row, "OS-SRV-USG:terminated_at" if terminated else "updated")
        return Departure(uuid, _instance(row), ended_at)
    except MALFORMED:
        return Departure(uuid)


def _of_down_cell(server: dict[str, Any]) -> bool:
    """Return whether a server is a mere mention by Nova's API database.

    UNKNOWN is also what Nova calls the status of one that it shows in full.
    """
    return server["status"] == UNKNOWN and "name" not in server


def _instance(server: dict[str, Any]) -> Instance:
    flavor = server["flavor"]
    return Instance(
        uuid=clean(server["id"], UUID),
        tenant=clean(server["tenant_id"], ID),
        name=clean(server.get("name") or ""),
        status=clean(server["status"], ID),
        vcpus=part(flavor, "vcpus"),
        ram=part(flavor, "ram"),
        disk=_local_disk(server, flavor),
        host=clean(server.get("OS-EXT-SRV-ATTR:hypervisor_hostname") or ""),
        root=_root(server, flavor),
        root_device=device_name(server.get("OS-EXT-SRV-ATTR:root_device_name") or ""),
        created_at=moment(server, "created"),
        updated_at=moment(server, "updated") if server.get("updated") else 0,
    )


def _local_disk(server: dict[str, Any], flavor: dict[str, Any]) -> int:
    """Return MiB of root, ephemeral and swap."""
    # An empty text is how flavors say that they have none.
    swap = 0 if flavor["swap"] == "" else part(flavor, "swap")
    return _root(server, flavor) + 1024 * part(flavor, "ephemeral") + swap


def _root(server: dict[str, Any], flavor: dict[str, Any]) -> int:
    """Return MiB. Who has no image was booted from a volume, whatever the flavor's root."""
    return 1024 * part(flavor, "disk") if server.get("image") else 0


def exists(connection: Connection, uuid: str) -> bool:
    """Tell whether a server is still there: only a 404, or its status, says that it is not."""
    with translated(connection.cloud.name, f"Nova's server {uuid}"):
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
    with translated(connection.cloud.name, f"Nova's quotas of {tenant}"):
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
