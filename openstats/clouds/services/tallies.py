"""What services list and must have counted: the lists that counts and sums are held against."""

from collections import Counter
from itertools import chain
from typing import Any, NamedTuple
from urllib.parse import urlencode

from openstats.clouds.connection import Connection
from openstats.clouds.errors import translated
from openstats.clouds.figures import moment, part, whole
from openstats.clouds.paging import USUAL, PagedList, Paging, Query, pages
from openstats.clouds.services.nova import DISABLED, GONE, UNKNOWN

BUILD = "BUILD"
AT_REST = ("available", "in-use")
SUMS = ("vcpus", "vcpus_used", "memory_mb", "memory_mb_used")
"""Of hypervisors, by Nova's names; what is free may be less than nothing."""


class Tally(NamedTuple):
    """How much a list shows: of what was there, as it is now, before a time; and in all."""

    settled: int
    total: int


def servers(connection: Connection, tenant: str, before: int, paging: Paging = USUAL) -> Tally:
    """Return how many servers a tenant has: one call a page.

    Nova does not count at once those that are built, and some that are being deleted: they are not
    settled.
    """
    settled = total = 0
    query: Query = {"all_tenants": 1, "tenant_id": tenant}
    call = f"Nova's servers of {tenant}"
    with translated(connection.cloud.name, call):
        client = connection.nova.client
        what = _list(connection, call, "servers", client, "/servers/detail")
        for row in chain.from_iterable(pages(what, paging, query)):
            total += row["status"] not in GONE
            settled += _is_settled_server(row, before)
    return Tally(settled, total)


def _is_settled_server(row: dict[str, Any], before: int) -> bool:
    at_rest = not row.get("OS-EXT-STS:task_state")
    counted = row["status"] not in (*GONE, BUILD, UNKNOWN)
    return counted and at_rest and moment(row, "updated") < before


def gigabytes(connection: Connection, tenant: str, before: int, paging: Paging = USUAL) -> Tally:
    """Return GiB of a tenant's volumes: one call a page.

    Those are settled that are at rest, and of which Cinder says that they consume quota, as it does
    from 3.65 on: some that it makes for itself do not.
    """
    settled = total = 0
    query: Query = {"all_tenants": 1, "project_id": tenant}
    call = f"Cinder's volumes of {tenant}"
    with translated(connection.cloud.name, call):
        client = connection.cinder.client
        what = _list(connection, call, "volumes", client, "/volumes/detail")
        for row in chain.from_iterable(pages(what, paging, query)):
            size = part(row, "size")
            total += size
            settled += size if _is_settled_volume(row, before) else 0
    return Tally(settled, total)


def _is_settled_volume(row: dict[str, Any], before: int) -> bool:
    at_rest = row["status"] in AT_REST and not row.get("os-vol-mig-status-attr:migstat")
    changed = moment(row, "updated_at" if row.get("updated_at") else "created_at")
    return at_rest and row.get("consumes_quota") is True and changed < before


def hypervisors(connection: Connection, paging: Paging = USUAL) -> dict[str, int]:
    """Return ``SUMS`` over the hypervisors of enabled services: one call a page.

    Raises:
        RefusedError: not to this user.
    """
    sums = Counter[str]()
    call = "Nova's hypervisors"
    with translated(connection.cloud.name, call):
        client = connection.nova.client
        what = _list(connection, call, "hypervisors", client, "/os-hypervisors/detail")
        for row in chain.from_iterable(pages(what, paging)):
            if row["status"] != DISABLED:
                sums.update({name: whole(row, name) for name in SUMS})
    return {name: sums[name] for name in SUMS}


def _list(connection: Connection, call: str, key: str, client: Any, path: str) -> PagedList:
    def ask(query: Query) -> dict[str, Any]:
        _, body = client.get(f"{path}?{urlencode(query)}")
        return dict(body)

    return PagedList(connection.cloud.name, call, key, ask)
