"""Tallies of lists, for comparison with the counts and sums of the same services.

The comparison itself belongs in the collector.
"""

from collections import Counter
from itertools import chain
from typing import NamedTuple

from openstats.clouds.connection import Connection
from openstats.clouds.errors import translated
from openstats.clouds.figures import integer, integer_of_item, moment
from openstats.clouds.json_documents import JsonObject
from openstats.clouds.paging import DEFAULT_PAGING, Paging, QueryParameters, pages
from openstats.clouds.services import cinder, nova
from openstats.clouds.services.nova import DELETED_STATUSES, DISABLED, HYPERVISORS, UNKNOWN

BUILD = "BUILD"
AT_REST = ("available", "in-use")
SUMS = ("vcpus", "vcpus_used", "memory_mb", "memory_mb_used")
"""The summed figures of hypervisors, by Nova's names; free amounts may be negative."""


class Tally(NamedTuple):
    """The total of a list, and the part of it that has not changed since a given time."""

    settled: int
    total: int


def servers(
    connection: Connection, tenant: str, settled_before: int, paging: Paging = DEFAULT_PAGING
) -> Tally:
    """Return the number of a tenant's servers, and of those settled before a time: one call a page.

    A server is settled if it was last updated before ``settled_before`` (Unix seconds) and has no
    running task. Servers in state BUILD are not settled: Nova does not count them at once.
    """
    settled = total = 0
    query: QueryParameters = {"all_tenants": 1, "tenant_id": tenant}
    call = f"Nova's servers of {tenant}"
    with translated(connection.cloud.name, call):
        list_of_servers = nova.paged_list(connection, "servers", "/servers/detail", call)
        for row in chain.from_iterable(pages(list_of_servers, paging, query)):
            total += row["status"] not in DELETED_STATUSES
            settled += _is_settled_server(row, settled_before)
    return Tally(settled, total)


def _is_settled_server(row: JsonObject, settled_before: int) -> bool:
    is_at_rest = not row.get("OS-EXT-STS:task_state")
    is_counted = row["status"] not in (*DELETED_STATUSES, BUILD, UNKNOWN)
    return is_counted and is_at_rest and moment(row, "updated") < settled_before


def gigabytes(
    connection: Connection, tenant: str, settled_before: int, paging: Paging = DEFAULT_PAGING
) -> Tally:
    """Return the GiB of a tenant's volumes, and of those settled before a time: one call a page.

    A volume is settled if it last changed before ``settled_before`` (Unix seconds), is at rest, and
    consumes quota. Cinder shows the latter from 3.65 on: its internal volumes consume none.
    """
    settled = total = 0
    query: QueryParameters = {"project_id": tenant}
    call = f"Cinder's volumes of {tenant}"
    with translated(connection.cloud.name, call):
        volumes = cinder.paged_list(connection, "volumes", call)
        for row in chain.from_iterable(pages(volumes, paging, query)):
            size = integer_of_item(row, "size")
            total += size
            if _is_settled_volume(row, settled_before):
                settled += size
    return Tally(settled, total)


def _is_settled_volume(row: JsonObject, settled_before: int) -> bool:
    is_at_rest = row["status"] in AT_REST and not row.get("os-vol-mig-status-attr:migstat")
    changed_at = moment(row, "updated_at" if row.get("updated_at") else "created_at")
    return is_at_rest and row.get("consumes_quota") is True and changed_at < settled_before


def hypervisors(connection: Connection, paging: Paging = DEFAULT_PAGING) -> dict[str, int]:
    """Return ``SUMS`` over the hypervisors of enabled services: one call a page.

    Raises:
        RefusedError: Nova refuses the call to this user.
    """
    sums = Counter[str]()
    with translated(connection.cloud.name, HYPERVISORS):
        rows = nova.paged_list(connection, "hypervisors", "/os-hypervisors/detail", HYPERVISORS)
        for row in chain.from_iterable(pages(rows, paging)):
            if row["status"] != DISABLED:
                sums.update({name: integer(row, name) for name in SUMS})
    return {name: sums[name] for name in SUMS}
