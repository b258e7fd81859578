"""Cinder: volumes, snapshots and quotas of all tenants."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode

from openstats.clouds.connection import Connection, parsed
from openstats.clouds.errors import translated
from openstats.clouds.figures import moment, part, quota, whole
from openstats.clouds.omissions import Omissions, read_items
from openstats.clouds.paging import USUAL, PagedList, Paging, pages
from openstats.clouds.rights import (
    INVALID,
    SNAPSHOT_TENANT,
    UNKNOWN_FILTER,
    VOLUME_TENANT,
    of_cloud,
)
from openstats.clouds.sanitize import ID, UUID, clean, device_name, first_names
from openstats.errors import CloudError
from openstats.meters import QUOTAS, VOLUME, VOLUME_TYPE
from openstats.model import Quota, VolumeTypeQuota, VolumeUse

T = TypeVar("T")

TIME_COMPARED = "3.60"
NOTHING = VolumeUse(0, 0, 0, 0)
FIRST = re.compile("(/dev/)?(vd|sd|hd|xvd)a")
"""The devices that may be a server's root."""


def fingerprint(
    connection: Connection, changed_since: int
) -> tuple[int, int, int, list[str], bool] | None:
    """Give what differs once volumes or snapshots were created, resized or deleted: three calls.

    The last part says whether any volume was updated since a time, even so that counts and sizes
    stayed. None where the cloud is too old to tell.
    """
    if parsed(connection.cinder.api_version.get_string()) < parsed(TIME_COMPARED):
        return None
    since = datetime.fromtimestamp(changed_since, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    with translated(connection.cloud.name, "Cinder's summary of volumes"):
        query = {"updated_at": f"gte:{since}", "limit": 1}
        touched = list(_get(connection, "/volumes/detail", query)["volumes"])
        return (*_sums(connection), bool(touched))


def _sums(connection: Connection) -> tuple[int, int, int, list[str]]:
    """Return the number of volumes and their GiB, the number of snapshots, and the newest's id."""
    volumes = _get(connection, "/volumes/summary", {})["volume-summary"]
    query = {"limit": 1, "with_count": "true", "sort": "created_at:desc"}
    snapshots = _get(connection, "/snapshots/detail", query)
    number, newest = whole(snapshots, "count"), [row["id"] for row in snapshots["snapshots"]]
    if len(newest) != min(1, number):
        raise ValueError(f"{number} snapshots are counted, and {len(newest)} of one is shown")
    return whole(volumes, "total_count"), whole(volumes, "total_size"), number, newest


def counts(connection: Connection) -> tuple[int, int, int]:
    """Return how many volumes, GiB of these and snapshots Cinder counts: two calls."""
    with translated(connection.cloud.name, "Cinder's summary of volumes"):
        return _sums(connection)[:3]


def _get(connection: Connection, path: str, query: dict[str, Any]) -> dict[str, Any]:
    _, body = connection.cinder.client.get(f"{path}?{urlencode({'all_tenants': 1} | query)}")
    return dict(body)


@dataclass
class Sweep:
    """All volumes and snapshots, summed up by tenant (Keystone id).

    ``volumes`` and ``snapshots`` count all that were listed. Of the tenants in ``spoiled``
    something is left out, ``unclaimed`` says that it is not known whose all of that is.
    ``first_disks`` are servers (uuids) with the devices of volumes that may be their root.
    """

    use: dict[str, VolumeUse]
    volumes: int = 0
    snapshots: int = 0
    omissions: tuple[Omissions, ...] = ()
    spoiled: set[str] = field(default_factory=set)
    unclaimed: bool = False
    first_disks: set[tuple[str, str]] = field(default_factory=set)


def refuse_part(connection: Connection) -> None:
    """Raise CloudError if Cinder shows this user no other tenant's volumes: one call."""
    answer = of_cloud(connection)("Cinder", UNKNOWN_FILTER)
    if answer.status == INVALID:
        raise CloudError(
            f"{connection.cloud.name}: Cinder shows this user only volumes of its own project; "
            "figures of before stay; allow context_is_admin in Cinder's policy, see "
            "etc/policy/cinder.yaml"
        )


def use(connection: Connection, paging: Paging = USUAL) -> Sweep:
    """Sum up all volumes and snapshots by tenant, page by page.

    Raises:
        CloudError: none of all the volumes, or snapshots, can be read.
    """
    sums: defaultdict[str, VolumeUse] = defaultdict(lambda: NOTHING)
    sweep = Sweep(sums)
    with translated(connection.cloud.name, "Cinder's volumes"):
        for tenant, size, created, disks in _read(connection, "volumes", _volume, paging, sweep):
            sums[tenant] = _with_volume(sums[tenant], size, created)
            sweep.first_disks.update(disks)
    with translated(connection.cloud.name, "Cinder's snapshots"):
        for tenant, size in _read(connection, "snapshots", _snapshot, paging, sweep):
            sums[tenant] = _with_snapshot(sums[tenant], size)
    return replace(sweep, use=dict(sums))


def _read(
    connection: Connection,
    key: str,
    one: Callable[[dict[str, Any]], T],
    paging: Paging,
    sweep: Sweep,
) -> Iterator[T]:
    """Yield what is read of each item of a list; note in the sweep what is left out, and whose."""
    omissions = Omissions(connection.cloud.name, key.removesuffix("s"))
    ask = partial(_get, connection, f"/{key}/detail")
    number = 0
    for rows in pages(PagedList(connection.cloud.name, f"Cinder's {key}", key, ask), paging):
        for row in rows:
            number += 1
            before = omissions.number
            yield from read_items([row], one, omissions)
            if omissions.number > before:
                _spoil(sweep, row)
    omissions.refuse_all()
    setattr(sweep, key, number)
    sweep.omissions += (omissions,)


def _spoil(sweep: Sweep, row: Any) -> None:
    tenant = row.get(VOLUME_TENANT, row.get(SNAPSHOT_TENANT)) if isinstance(row, dict) else None
    if isinstance(tenant, str) and len(tenant) <= ID:
        sweep.spoiled.add(tenant)
    else:
        sweep.unclaimed = True


def _volume(row: dict[str, Any]) -> tuple[str, int, int, list[tuple[str, str]]]:
    disks = [
        (clean(one["server_id"], UUID), device_name(one["device"]))
        for one in row.get("attachments") or ()
        if one.get("server_id") and FIRST.fullmatch(one.get("device") or "")
    ]
    return clean(row[VOLUME_TENANT], ID), part(row, "size"), moment(row, "created_at"), disks


def _snapshot(row: dict[str, Any]) -> tuple[str, int]:
    return clean(row[SNAPSHOT_TENANT], ID), part(row, "size")


def _with_volume(held: VolumeUse, size: int, created: int) -> VolumeUse:
    first = created if held.first_created is None else min(created, held.first_created)
    volumes, gigabytes = held.volumes + 1, held.gigabytes + size
    return replace(held, volumes=volumes, gigabytes=gigabytes, first_created=first)


def _with_snapshot(held: VolumeUse, size: int) -> VolumeUse:
    snapshots, gigabytes = held.snapshots + 1, held.snapshot_gigabytes + size
    return replace(held, snapshots=snapshots, snapshot_gigabytes=gigabytes)


class StorageQuotas(NamedTuple):
    """Quotas on block storage by our names, and by volume type; ``odd`` tells what is left out."""

    whole: dict[str, Quota]
    by_type: dict[str, VolumeTypeQuota]
    odd: str = ""


def quotas(connection: Connection, tenant: str) -> StorageQuotas:
    """Return a tenant's block storage quotas, in MiB: one call.

    Cinder answers with its defaults for projects that do not exist: ask Nova first.
    """
    call = f"Cinder's quotas of {tenant}"
    omissions = Omissions(connection.cloud.name, "volume type")
    with translated(connection.cloud.name, call):
        figures = connection.cinder.quotas.get(tenant, usage=True).to_dict()
        whole = {
            meter.name: quota(figures, meter.resource, meter.factor)
            for meter in QUOTAS
            if meter.service == VOLUME
        }
        types = _by_type(figures, omissions)
    return StorageQuotas(whole, types, f"{call}: {omissions.words}" if omissions.number else "")


def _by_type(figures: dict[str, Any], omissions: Omissions) -> dict[str, VolumeTypeQuota]:
    """Return the quotas whose keys are ``gigabytes_TYPE`` and so on: parts of the plain ones.

    A type that cannot be read takes no other along.
    """
    prefixes = {meter: f"{meter.resource}_" for meter in VOLUME_TYPE}
    kinds = {
        key.removeprefix(prefix)
        for prefix in prefixes.values()
        for key in figures
        if key.startswith(prefix)
    }

    def one(item: dict[str, str]) -> tuple[str, VolumeTypeQuota]:
        kind = item["id"]
        quotas = {
            meter.name: quota(figures, prefix + kind, meter.factor)
            for meter, prefix in prefixes.items()
            if prefix + kind in figures
        }
        return clean(kind), VolumeTypeQuota(**quotas)

    return dict(read_items([{"id": kind} for kind in first_names(kinds)], one, omissions))
