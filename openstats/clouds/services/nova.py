"""Nova: hypervisors and their zones, servers, and quotas."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from typing import NamedTuple
from urllib.parse import urlencode

from keystoneauth1.exceptions import BadRequest, NotFound

from openstats.clouds.connection import Connection, version_key
from openstats.clouds.errors import MALFORMED, translated, words_of
from openstats.clouds.figures import integer, integer_of_item, moment, quota, signed_integer
from openstats.clouds.json_documents import JsonObject
from openstats.clouds.omissions import Omissions, read_items
from openstats.clouds.paging import DEFAULT_PAGING, PagedList, Paging, QueryParameters, pages
from openstats.clouds.rights import HOST_ATTRIBUTE
from openstats.clouds.sanitize import ID_LENGTH, UUID_LENGTH, clean, device_name
from openstats.errors import CloudError, TenantUnknownError
from openstats.meters import CAPACITY, COMPUTE, QUOTAS
from openstats.model import Capacity, Departure, Instance, Quota

FREE_AMOUNTS = ("free_ram_mb", "free_disk_gb")
DELETED_STATUSES = ("DELETED", "SOFT_DELETED")
UNKNOWN, DISABLED, UP, DOWN = "UNKNOWN", "disabled", "up", "down"
DOWN_CELLS_SHOWN = "2.69"
SERVICES, HYPERVISORS, SERVERS = "Nova's services", "Nova's hypervisors", "Nova's servers"
ROOT_DEVICE = "OS-EXT-SRV-ATTR:root_device_name"
TERMINATED = "OS-SRV-USG:terminated_at"
MIB_OF_A_GIB = 1024


def capacity(connection: Connection) -> Capacity:
    """Return the sums over the hypervisors of enabled services: one call.

    Raises:
        RefusedError: Nova has no hypervisor statistics (any more), or refuses them to this user.
    """
    with translated(connection.cloud.name, "Nova's hypervisor statistics"):
        statistics = connection.nova.hypervisor_stats.statistics().to_dict()
        figures = {name: _capacity_figure(statistics, name) for name in CAPACITY}
        return Capacity(**figures, source="nova")


def _capacity_figure(statistics: JsonObject, name: str) -> int:
    return signed_integer(statistics, name) if name in FREE_AMOUNTS else integer(statistics, name)


class HostStates(NamedTuple):
    """The compute hosts whose cell is down, and the number of hosts by state; None if not read."""

    hidden: list[str]
    numbers: dict[str, int] | None


def host_states(connection: Connection, *, used: bool) -> HostStates:
    """Return the states of compute hosts; Nova's lists silently lack the servers of hidden ones.

    Raises:
        CloudError: there is no compute service although hosts are ``used``.
    """
    version = connection.nova.api_version.get_string()
    if version_key(version) < version_key(DOWN_CELLS_SHOWN):
        return HostStates([], None)
    with translated(connection.cloud.name, SERVICES):
        services = _compute_services(connection)
        counter = Counter(map(_state, services))
        hidden = [clean(row["host"]) for row in services if row["status"] == UNKNOWN]
    if used and not services:
        raise CloudError(
            f"{connection.cloud.name}: {SERVICES}: it lists no nova-compute, though servers are on "
            "hosts; previous figures are kept"
        )
    numbers = {state: counter[state] for state in (UP, DOWN, DISABLED)}
    return HostStates(sorted(hidden), numbers)


def _state(service: JsonObject) -> str:
    if service["status"] == DISABLED:
        return DISABLED
    return UP if service.get("state") == UP else DOWN


def _compute_services(connection: Connection) -> list[JsonObject]:
    _, body = connection.nova.client.get("/os-services?binary=nova-compute")
    return list(body["services"])


class Zones(NamedTuple):
    """The zones of compute hosts, the disabled hosts, and the unreadable services."""

    of_hosts: dict[str, str]
    disabled: set[str]
    omissions: Omissions


def zones(connection: Connection) -> Zones:
    """Return the zones of compute hosts, without hosts of cells that are down: one call.

    Raises:
        RefusedError: Nova refuses the call to this user.
    """
    omissions = Omissions(connection.cloud.name, "service")
    with translated(connection.cloud.name, SERVICES):
        services = [row for row in _compute_services(connection) if row["status"] != UNKNOWN]
        of_hosts = dict(read_items(services, _host_and_zone, omissions))
        disabled = {row["host"] for row in services if _state(row) == DISABLED}
        return Zones(of_hosts, disabled, omissions)


def _host_and_zone(service: JsonObject) -> tuple[str, str]:
    return clean(service["host"]), clean(service["zone"])


def hypervisor_hosts(
    connection: Connection, paging: Paging = DEFAULT_PAGING
) -> tuple[dict[str, str], Omissions]:
    """Return the compute host of each hypervisor by name, and the unreadable ones: one call a page.

    Raises:
        RefusedError: Nova refuses the call to this user.
    """
    omissions = Omissions(connection.cloud.name, "hypervisor")
    hypervisors = paged_list(connection, "hypervisors", "/os-hypervisors/detail", HYPERVISORS)
    rows = chain.from_iterable(pages(hypervisors, paging))
    with translated(connection.cloud.name, HYPERVISORS):
        return dict(read_items(rows, _name_and_host, omissions)), omissions


def _name_and_host(hypervisor: JsonObject) -> tuple[str, str]:
    return clean(hypervisor["hypervisor_hostname"]), clean(hypervisor["service"]["host"])


def paged_list(connection: Connection, key: str, path: str, call: str) -> PagedList:
    """Return a list of Nova for ``pages``: novaclient's managers drop the link to the next page."""

    def fetch(query: QueryParameters) -> JsonObject:
        _, body = connection.nova.client.get(f"{path}?{urlencode(query)}")
        return dict(body)

    return PagedList(connection.cloud.name, call, key, fetch)


def servers_in_down_cells(connection: Connection) -> bool:
    """Return whether a cell that is down hides servers: one call, without paging.

    Only a list without paging shows such servers.
    """
    with translated(connection.cloud.name, "Nova's servers of cells that are down"):
        _, body = connection.nova.client.get("/servers?all_tenants=1")
        return any(server.get("status") == UNKNOWN for server in body["servers"])


def servers(
    connection: Connection,
    *,
    paging: Paging = DEFAULT_PAGING,
    changed_since: int | None = None,
    tenant: str | None = None,
    omissions: Omissions | None = None,
) -> Iterator[tuple[list[Instance], list[Departure]]]:
    """Yield pages of servers: those that exist, and those that were deleted.

    With ``changed_since`` (Unix seconds), yield the servers that changed since then, including
    deleted ones; without it, all that exist. With ``tenant`` (a Keystone id), yield its servers
    only. Add unreadable servers to ``omissions``.

    Raises:
        CloudError: the call fails, or, in a list of all, no server can be read.
    """
    query: dict[str, str | int] = {"all_tenants": 1}
    if changed_since is not None:
        since = datetime.fromtimestamp(changed_since, UTC)
        query["changes-since"] = since.strftime("%Y-%m-%dT%H:%M:%SZ")
    if tenant is not None:
        query["tenant_id"] = tenant
    omissions = omissions or Omissions(connection.cloud.name, "server")
    for rows in pages(paged_list(connection, "servers", "/servers/detail", SERVERS), paging, query):
        instances: list[Instance] = []
        departures: list[Departure] = []
        for server in read_items(rows, _server, omissions):
            if isinstance(server, Instance):
                instances.append(server)
            elif server is not None:
                departures.append(server)
        yield instances, departures
    if changed_since is None:
        with translated(connection.cloud.name, SERVERS):
            omissions.refuse_all()


def _server(row: JsonObject) -> Instance | Departure | None:
    """Return an existing or a deleted server; None if it is in a cell that is down."""
    if row["status"] in DELETED_STATUSES:
        return _departure(row)
    return None if _is_in_down_cell(row) else _instance(row)


def _departure(row: JsonObject) -> Departure:
    """Return a deleted server; without its details if these are unreadable."""
    uuid = clean(row["id"], UUID_LENGTH)
    try:
        ended_at = moment(row, TERMINATED if row.get(TERMINATED) else "updated")
        return Departure(uuid, _instance(row), ended_at)
    except MALFORMED:
        return Departure(uuid)


def _is_in_down_cell(server: JsonObject) -> bool:
    """Return whether Nova shows only a server's minimal record, since its cell is down.

    A server with all details may also have the status UNKNOWN.
    """
    return server["status"] == UNKNOWN and "name" not in server


def _instance(server: JsonObject) -> Instance:
    flavor = server["flavor"]
    uuid, tenant = clean(server["id"], UUID_LENGTH), clean(server["tenant_id"], ID_LENGTH)
    name, status = clean(server.get("name") or ""), clean(server["status"], ID_LENGTH)
    vcpus, ram = integer_of_item(flavor, "vcpus"), integer_of_item(flavor, "ram")
    root, other_disks = _root_disk(server, flavor), _other_disks(flavor)
    host, root_device = server.get(HOST_ATTRIBUTE) or "", server.get(ROOT_DEVICE) or ""
    created_at = moment(server, "created")
    updated_at = moment(server, "updated") if server.get("updated") else 0
    return Instance(
        uuid=uuid,
        tenant=tenant,
        name=name,
        status=status,
        vcpus=vcpus,
        ram=ram,
        disk=root + other_disks,
        host=clean(host),
        root=root,
        root_device=device_name(root_device),
        created_at=created_at,
        updated_at=updated_at,
    )


def _root_disk(server: JsonObject, flavor: JsonObject) -> int:
    """Return the MiB of the root disk; 0 without an image: such a server boots from a volume."""
    return MIB_OF_A_GIB * integer_of_item(flavor, "disk") if server.get("image") else 0


def _other_disks(flavor: JsonObject) -> int:
    """Return the MiB of the ephemeral disk and swap."""
    # The swap of a flavor without swap is an empty string.
    swap = 0 if flavor["swap"] == "" else integer_of_item(flavor, "swap")
    return MIB_OF_A_GIB * integer_of_item(flavor, "ephemeral") + swap


def exists(connection: Connection, uuid: str) -> bool:
    """Return whether a server exists: False only after a 404, or if its status is deleted."""
    with translated(connection.cloud.name, f"Nova's server {uuid}"):
        try:
            _, body = connection.nova.client.get(f"/servers/{uuid}")
        except NotFound:
            return False
        return body["server"]["status"] not in DELETED_STATUSES


def quotas(connection: Connection, tenant: str) -> dict[str, Quota]:
    """Return a tenant's compute quotas by the names of ``meters.QUOTAS``: one call.

    Raises:
        TenantUnknownError: Keystone has no such project, as Nova reports.
    """
    with translated(connection.cloud.name, f"Nova's quotas of {tenant}"):
        try:
            figures = connection.nova.quotas.get(tenant, detail=True).to_dict()
        except BadRequest as error:
            if "valid project" not in words_of(error):
                raise
            raise TenantUnknownError(f"{connection.cloud.name}: no project {tenant}") from error
        meters = [meter for meter in QUOTAS if meter.service == COMPUTE]
        return {meter.name: quota(figures, meter.resource) for meter in meters}
