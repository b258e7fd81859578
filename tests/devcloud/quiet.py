"""Is the cloud quiet? Nothing under way, and the services' figures at rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .plan import DevcloudError
from .process import wait_for
from .rest import Rest

UNFINISHED = {"creating", "deleting", "extending", "downloading", "uploading", "retyping"}

Sql = Callable[[str, str], list[dict[str, Any]]]


def unfinished(rest: Rest) -> Counter[str]:
    """What Nova and Cinder are still working on, by state."""
    busy: Counter[str] = Counter()
    for server in rest.pages("nova", "/servers/detail?all_tenants=1", "servers", "2.87"):
        if server["status"] == "BUILD" or server["OS-EXT-STS:task_state"]:
            busy[f"server {server['status']} {server['OS-EXT-STS:task_state']}"] += 1
    for key in ("volumes", "snapshots"):
        for item in rest.pages("cinder", f"/{key}/detail?all_tenants=1", key):
            if item["status"] in UNFINISHED:
                busy[f"{key} {item['status']}"] += 1
    return busy


def _wait_for_none(what: str, find: Callable[[], Iterable[str]], timeout: float) -> None:
    found: list[str] = []

    def none_left() -> bool:
        found[:] = find()
        return not found

    try:
        wait_for(what, none_left, timeout)
    except DevcloudError as error:
        raise DevcloudError(f"{error}: {'; '.join(found)}") from None


def settle(rest: Rest, timeout: float = 300) -> None:
    """Wait until nothing is being built, changed or deleted."""
    _wait_for_none("no more work under way", lambda: unfinished(rest), timeout)


def lagging(sql: Sql) -> Iterator[str]:
    """Where a service's figures are not yet what its objects come to.

    Nova's compute nodes are brought up to date by a periodic task, seconds after the fact.
    """
    for row in sql("nova_cell1", _NODES):
        if (row["vcpus_used"], row["memory_mb_used"]) != (row["vcpus"], row["memory_mb"]):
            yield f"compute node {row['node']}: {row}"
    consumers = {row["consumer_id"] for row in sql("placement", _CONSUMERS)}
    instances = sql("nova_cell1", _INSTANCES)
    placed = {row["uuid"] for row in instances if row["host"]}
    # Nova forgets the allocations of a server that a quota stopped after it was scheduled.
    failed = {row["uuid"] for row in instances if row["vm_state"] == "error"}
    for consumer in (placed - consumers) | (consumers - placed - failed):
        yield f"allocations of {consumer}"
    for row in sql("cinder", _RESERVED):
        yield f"reservations of {row['project_id']}"


# 512 MiB are what Nova reserves on a host for itself.
_NODES = """
    SELECT n.hypervisor_hostname AS node, n.vcpus_used, n.memory_mb_used,
        coalesce(sum(i.vcpus), 0)::int AS vcpus,
        coalesce(sum(i.memory_mb), 0)::int + 512 AS memory_mb
    FROM compute_nodes n LEFT JOIN instances i
        ON i.node = n.hypervisor_hostname AND i.host = n.host AND i.deleted = 0
    WHERE n.deleted = 0 GROUP BY n.id
"""
_CONSUMERS = "SELECT DISTINCT consumer_id FROM allocations"
_INSTANCES = "SELECT uuid, host, vm_state FROM instances WHERE deleted = 0"
_RESERVED = "SELECT DISTINCT project_id FROM quota_usages WHERE NOT deleted AND reserved <> 0"


def wait(rest: Rest, sql: Sql, timeout: float = 120) -> None:
    """Wait until the cloud is quiet; servers in VERIFY_RESIZE count twice, so confirm them."""
    settle(rest, timeout)
    _wait_for_none("figures at rest", lambda: lagging(sql), timeout)
