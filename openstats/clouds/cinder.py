"""Cinder: volumes, snapshots and quotas of all tenants."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from openstats.clouds.asking import asking
from openstats.clouds.connection import Connection, parsed
from openstats.clouds.figures import moment, part, quota, whole
from openstats.clouds.text import ID, few, text
from openstats.meters import QUOTAS, VOLUME, VOLUME_TYPE
from openstats.model import Quota, VolumeTypeQuota, VolumeUse

TIME_COMPARED = "3.60"
NOTHING = VolumeUse(0, 0, 0, 0)


def fingerprint(connection: Connection, changed_since: int) -> tuple[object, ...] | None:
    """Give what differs once volumes or snapshots were created, resized or deleted: three calls.

    The last part says whether any volume was updated since a time, even so that counts and sizes
    stayed. None where the cloud is too old to tell.
    """
    if parsed(connection.cinder.api_version.get_string()) < parsed(TIME_COMPARED):
        return None
    since = datetime.fromtimestamp(changed_since, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    with asking(connection.cloud.name, "Cinder's summary of volumes"):
        volumes = _get(connection, "/volumes/summary", {})["volume-summary"]
        touched = _get(connection, "/volumes/detail", {"updated_at": f"gte:{since}", "limit": 1})[
            "volumes"
        ]
        query = {"limit": 1, "with_count": "true", "sort": "created_at:desc"}
        snapshots = _get(connection, "/snapshots/detail", query)
        newest = [snapshot["id"] for snapshot in snapshots["snapshots"]]
        return (
            whole(volumes, "total_count"),
            whole(volumes, "total_size"),
            whole(snapshots, "count"),
            newest,
            bool(touched),
        )


def _get(connection: Connection, path: str, query: dict[str, Any]) -> dict[str, Any]:
    _, body = connection.cinder.client.get(f"{path}?{urlencode({'all_tenants': 1} | query)}")
    return dict(body)


def use(connection: Connection, *, page_size: int) -> dict[str, VolumeUse]:
    """Sum up all volumes and snapshots by tenant (Keystone id), page by page."""
    found: defaultdict[str, VolumeUse] = defaultdict(lambda: NOTHING)
    with asking(connection.cloud.name, "Cinder's volumes"):
        for volume in _pages(connection, "volumes", page_size):
            tenant = text(volume["os-vol-tenant-attr:tenant_id"], ID)
            found[tenant] = _with_volume(
                found[tenant], part(volume, "size"), moment(volume, "created_at")
            )
    with asking(connection.cloud.name, "Cinder's snapshots"):
        for snapshot in _pages(connection, "snapshots", page_size):
            tenant = text(snapshot["os-extended-snapshot-attributes:project_id"], ID)
            found[tenant] = _with_snapshot(found[tenant], part(snapshot, "size"))
    return dict(found)


def _with_volume(held: VolumeUse, size: int, created: int) -> VolumeUse:
    first = created if held.first_created is None else min(created, held.first_created)
    volumes, gigabytes = held.volumes + 1, held.gigabytes + size
    return replace(held, volumes=volumes, gigabytes=gigabytes, first_created=first)


def _with_snapshot(held: VolumeUse, size: int) -> VolumeUse:
    snapshots, gigabytes = held.snapshots + 1, held.snapshot_gigabytes + size
    return replace(held, snapshots=snapshots, snapshot_gigabytes=gigabytes)


def _pages(connection: Connection, what: str, page_size: int) -> Iterator[dict[str, Any]]:
    query: dict[str, Any] = {"limit": page_size}
    while True:
        body = _get(connection, f"/{what}/detail", query)
        found = body[what]
        yield from found
        if not found or not body.get(f"{what}_links"):
            return
        query["marker"] = found[-1]["id"]


def quotas(
    connection: Connection, tenant: str
) -> tuple[dict[str, Quota], dict[str, VolumeTypeQuota]]:
    """Give a tenant's block storage quotas by our names, and by volume type, in MiB: one call.

    Cinder answers with its defaults for projects that do not exist: ask Nova first.
    """
    with asking(connection.cloud.name, f"Cinder's quotas of {tenant}"):
        figures = connection.cinder.quotas.get(tenant, usage=True).to_dict()
        whole = {
            meter.name: quota(figures, meter.resource, meter.factor)
            for meter in QUOTAS
            if meter.service == VOLUME
        }
        return whole, _by_type(figures)


def _by_type(figures: dict[str, Any]) -> dict[str, VolumeTypeQuota]:
    """Give the quotas whose keys are ``gigabytes_TYPE`` and so on: parts of the plain ones."""
    prefixes = {meter: f"{meter.resource}_" for meter in VOLUME_TYPE}
    kinds = {
        key.removeprefix(prefix)
        for prefix in prefixes.values()
        for key in figures
        if key.startswith(prefix)
    }
    found = {}
    for kind in few(kinds):
        told = {
            meter.name: quota(figures, prefix + kind, meter.factor)
            for meter, prefix in prefixes.items()
            if prefix + kind in figures
        }
        found[text(kind)] = VolumeTypeQuota(**told)
    return found
