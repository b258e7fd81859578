"""Tallies of what services list: the counts and sums of the same services are compared with them.

What follows from a difference does not live here.
"""

from collections import Counter
from itertools import chain
from typing import NamedTuple

from openstats.clouds.connection import Connection
from openstats.clouds.errors import translated
from openstats.clouds.figures import Row, moment, part, whole
from openstats.clouds.paging import USUAL, Paging, Query, pages
from openstats.clouds.services import cinder, nova
from openstats.clouds.services.nova import DISABLED, GONE, HYPERVISORS, UNKNOWN

BUILD = "BUILD"
AT_REST = ("available", "in-use")
SUMS = ("vcpus", "vcpus_used", "memory_mb", "memory_mb_used")
"""Sums over hypervisors, by Nova's names; what is free may be less than nothing."""


class Tally(NamedTuple):
    """How much a list shows in all, and how much of it has not changed since a time (settled)."""

    settled: int
    total: int


def servers(
    connection: Connection, tenant: str, settled_before: int, paging: Paging = USUAL
) -> Tally:
    """Return how many servers a tenant has, and had before a time: one call a page.

    Servers in build, and some that are being deleted, are not settled: Nova does not count them at
    once.
    """
    settled = total = 0
    query: Query = {"all_tenants": 1, "tenant_id": tenant}
    call = f"Nova's servers of {tenant}"
    with translated(connection.cloud.name, call):
        list_of_servers = nova.paged_list(connection, "servers", "/servers/detail", call)
        for row in chain.from_iterable(pages(list_of_servers, paging, query)):
            total += row["status"] not in GONE
            settled += _is_settled_server(row, settled_before)
    return Tally(settled, total)


def _is_settled_server(row: Row, settled_before: int) -> bool:
    is_at_rest = not row.get("OS-EXT-STS:task_state")
    is_counted = row["status"] not in (*GONE, BUILD, UNKNOWN)
    return is_counted and is_at_rest and moment(row, "updated") < settled_before


def gigabytes(
    connection: Connection, tenant: str, settled_before: int, paging: Paging = USUAL
) -> Tally:
    """Return GiB of the volumes that a tenant has, and had before a time: one call a page.

    Volumes are settled that are at rest, and of which Cinder says that they consume quota, as it
    does from 3.65 on: some that it makes for itself do not.
    """
    settled = total = 0
    query: Query = {"project_id": tenant}
    call = f"Cinder's volumes of {tenant}"
    with translated(connection.cloud.name, call):
        volumes = cinder.paged_list(connection, "volumes", call)
        for row in chain.from_iterable(pages(volumes, paging, query)):
            size = part(row, "size")
            total += size
            if _is_settled_volume(row, settled_before):
                settled += size
    return Tally(settled, total)


def _is_settled_volume(row: Row, settled_before: int) -> bool:
    is_at_rest = row["status"] in AT_REST and not row.get("os-vol-mig-status-attr:migstat")
    changed_at = moment(row, "updated_at" if row.get("updated_at") else "created_at")
    return is_at_rest and row.get("consumes_quota") is True and changed_at < settled_before


def hypervisors(connection: Connection, paging: Paging = USUAL) -> dict[str, int]:
    """Return ``SUMS`` over the hypervisors of enabled services: one call a page.

    Raises:
        RefusedError: not to this user.
    """
    sums = Counter[str]()
    with translated(connection.cloud.name, HYPERVISORS):
        rows = nova.paged_list(connection, "hypervisors", "/os-hypervisors/detail", HYPERVISORS)
        for row in chain.from_iterable(pages(rows, paging)):
            if row["status"] != DISABLED:
                sums.update({name: whole(row, name) for name in SUMS})
    return {name: sums[name] for name in SUMS}
