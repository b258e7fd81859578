"""Cinder: volumes, snapshots and quotas of all tenants."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple, TypeVar
from urllib.parse import urlencode

from openstats.clouds.connection import Connection, version_key
from openstats.clouds.errors import translated
from openstats.clouds.figures import integer, integer_of_item, moment, quota
from openstats.clouds.json_documents import JsonObject
from openstats.clouds.missing_rights import probe_of_cloud
from openstats.clouds.omissions import Omissions, read_items
from openstats.clouds.paging import DEFAULT_PAGING, PagedList, Paging, pages
from openstats.clouds.rights import INVALID, SNAPSHOT_TENANT, UNKNOWN_FILTER, VOLUME_TENANT
from openstats.clouds.sanitize import ID_LENGTH, UUID_LENGTH, clean, device_name, first_names
from openstats.errors import CloudError
from openstats.meters import QUOTAS, VOLUME, VOLUME_TYPE
from openstats.model import Quota, VolumeTypeQuota, VolumeUse

Value = TypeVar("Value")

TIME_COMPARED = "3.60"
NO_VOLUMES = VolumeUse(0, 0, 0, 0)
ROOT_DEVICE = re.compile("(/dev/)?(vd|sd|hd|xvd)a")
"""The device names that may be a server's root disk."""


class VolumeCounts(NamedTuple):
    """Cinder's own numbers of all volumes, their GiB, and snapshots."""

    volumes: int
    gigabytes: int
    snapshots: int


class Summary(NamedTuple):
    """What Cinder tells of all volumes and snapshots without listing them.

    ``newest_snapshot`` holds the id of the newest snapshot, if there is any. ``is_touched`` tells
    whether any volume was updated since the last summary.
    """

    counts: VolumeCounts
    newest_snapshot: list[str]
    is_touched: bool

    @property
    def fingerprint(self) -> list[object]:
        """A value that changes if any volume or snapshot is created, resized or deleted."""
        return [*self.counts, self.newest_snapshot]


def summary(connection: Connection, changed_since: int) -> Summary | None:
    """Return the summary of all volumes and snapshots: three calls; None if Cinder is too old.

    ``changed_since`` (Unix seconds) is the time of the last summary.
    """
    if version_key(connection.cinder.api_version.get_string()) < version_key(TIME_COMPARED):
        return None
    since = datetime.fromtimestamp(changed_since, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    with translated(connection.cloud.name, "Cinder's summary of volumes"):
        query = {"updated_at": f"gte:{since}", "limit": 1}
        updated = list(_get(connection, "/volumes/detail", query)["volumes"])
        return Summary(*_counts(connection), bool(updated))


def counts(connection: Connection) -> VolumeCounts:
    """Return Cinder's counts of volumes, their GiB, and snapshots: two calls."""
    with translated(connection.cloud.name, "Cinder's summary of volumes"):
        return _counts(connection)[0]


def _counts(connection: Connection) -> tuple[VolumeCounts, list[str]]:
    """Return Cinder's counts, and the id of the newest snapshot, if there is any."""
    volumes = _get(connection, "/volumes/summary", {})["volume-summary"]
    query = {"limit": 1, "with_count": "true", "sort": "created_at:desc"}
    snapshots = _get(connection, "/snapshots/detail", query)
    number, newest = integer(snapshots, "count"), [row["id"] for row in snapshots["snapshots"]]
    if len(newest) != min(1, number):
        raise ValueError(f"{number} snapshots are counted, and {len(newest)} of one is shown")
    total, gigabytes = integer(volumes, "total_count"), integer(volumes, "total_size")
    return VolumeCounts(total, gigabytes, number), newest


def _get(connection: Connection, path: str, query: JsonObject) -> JsonObject:
    parameters = {"all_tenants": 1} | dict(query)
    _, body = connection.cinder.client.get(f"{path}?{urlencode(parameters)}")
    return dict(body)


def paged_list(connection: Connection, key: str, call: str) -> PagedList:
    """Return the list of all ``volumes`` or all ``snapshots`` of Cinder, for ``pages``."""
    return PagedList(connection.cloud.name, call, key, partial(_get, connection, f"/{key}/detail"))


@dataclass
class VolumeSums:
    """The sums of all volumes and snapshots by tenant (Keystone id).

    ``volumes`` and ``snapshots`` are the numbers of listed items. ``spoiled`` holds the tenants of
    items that could not be read; ``unclaimed`` tells that some of these have no readable tenant.
    ``first_disks`` holds servers (uuid) with the device names of volumes that may be their root.
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
    reply = probe_of_cloud(connection)("Cinder", UNKNOWN_FILTER)
    if reply.status == INVALID:
        raise CloudError(
            f"{connection.cloud.name}: Cinder shows this user only volumes of its own project; "
            "previous figures are kept; allow context_is_admin in Cinder's policy, see "
            "etc/policy/cinder.yaml"
        )


def sum_by_tenant(connection: Connection, paging: Paging = DEFAULT_PAGING) -> VolumeSums:
    """Read all volumes and snapshots page by page; return their sums by tenant.

    Raises:
        CloudError: the call fails, or no volume or no snapshot can be read although there are some.
    """
    totals: defaultdict[str, VolumeUse] = defaultdict(lambda: NO_VOLUMES)
    sums = VolumeSums(totals)
    with translated(connection.cloud.name, "Cinder's volumes"):
        for volume in _read(connection, "volumes", _volume, paging, sums):
            totals[volume.tenant] = _add_volume(totals[volume.tenant], volume)
            sums.first_disks.update(volume.first_disks)
    with translated(connection.cloud.name, "Cinder's snapshots"):
        for tenant, size in _read(connection, "snapshots", _snapshot, paging, sums):
            totals[tenant] = _add_snapshot(totals[tenant], size)
    return replace(sums, use=dict(totals))


def _read(
    connection: Connection,
    key: str,
    read_row: Callable[[JsonObject], Value],
    paging: Paging,
    sums: VolumeSums,
) -> Iterator[Value]:
    """Yield the value of each row; add unreadable rows and their tenants to ``sums``."""
    omissions = Omissions(connection.cloud.name, key.removesuffix("s"))
    number = 0
    for rows in pages(paged_list(connection, key, f"Cinder's {key}"), paging):
        for row in rows:
            number += 1
            former_number = omissions.number
            yield from read_items([row], read_row, omissions)
            if omissions.number > former_number:
                _spoil(sums, row)
    omissions.refuse_all()
    setattr(sums, key, number)
    sums.omissions += (omissions,)


def _spoil(sums: VolumeSums, row: object) -> None:
    """Add the tenant of an unreadable row to ``sums``."""
    tenant = row.get(VOLUME_TENANT, row.get(SNAPSHOT_TENANT)) if isinstance(row, dict) else None
    if isinstance(tenant, str) and len(tenant) <= ID_LENGTH:
        sums.spoiled.add(tenant)
    else:
        sums.unclaimed = True


class _Volume(NamedTuple):
    """A volume: its size (GiB), creation (Unix seconds), and servers with it as a possible root.

    ``first_disks`` are pairs of a server's uuid and the device name there.
    """

    tenant: str
    size: int
    created_at: int
    first_disks: list[tuple[str, str]]


def _volume(row: JsonObject) -> _Volume:
    disks = []
    for attachment in row.get("attachments") or ():
        server, device = attachment.get("server_id"), attachment.get("device") or ""
        if server and ROOT_DEVICE.fullmatch(device):
            disks.append((clean(server, UUID_LENGTH), device_name(device)))
    tenant = clean(row[VOLUME_TENANT], ID_LENGTH)
    return _Volume(tenant, integer_of_item(row, "size"), moment(row, "created_at"), disks)


def _snapshot(row: JsonObject) -> tuple[str, int]:
    return clean(row[SNAPSHOT_TENANT], ID_LENGTH), integer_of_item(row, "size")


def _add_volume(total: VolumeUse, volume: _Volume) -> VolumeUse:
    first = volume.created_at
    if total.first_created is not None:
        first = min(first, total.first_created)
    gigabytes = total.gigabytes + volume.size
    return replace(total, volumes=total.volumes + 1, gigabytes=gigabytes, first_created=first)


def _add_snapshot(total: VolumeUse, size: int) -> VolumeUse:
    gigabytes = total.snapshot_gigabytes + size
    return replace(total, snapshots=total.snapshots + 1, snapshot_gigabytes=gigabytes)


class StorageQuotas(NamedTuple):
    """The block storage quotas by meter, and those by volume type.

    ``fault`` is a sentence on volume types that could not be read.
    """

    quotas: dict[str, Quota]
    by_type: dict[str, VolumeTypeQuota]
    fault: str = ""


def quotas(connection: Connection, tenant: str) -> StorageQuotas:
    """Return a tenant's block storage quotas, with storage in MiB: one call.

    Cinder returns its defaults for projects that do not exist: call Nova first.
    """
    call = f"Cinder's quotas of {tenant}"
    omissions = Omissions(connection.cloud.name, "volume type")
    with translated(connection.cloud.name, call):
        figures = connection.cinder.quotas.get(tenant, usage=True).to_dict()
        meters = [meter for meter in QUOTAS if meter.service == VOLUME]
        totals = {meter.name: quota(figures, meter.resource, meter.factor) for meter in meters}
        by_type = _quotas_by_type(figures, omissions)
    fault = f"{call}: {omissions.words}" if omissions.number else ""
    return StorageQuotas(totals, by_type, fault)


def _quotas_by_type(figures: JsonObject, omissions: Omissions) -> dict[str, VolumeTypeQuota]:
    """Return the quotas by volume type, from keys such as ``gigabytes_TYPE``.

    Add unreadable types to ``omissions``.
    """
    types = set()
    for meter in VOLUME_TYPE:
        prefix = f"{meter.resource}_"
        types |= {key.removeprefix(prefix) for key in figures if key.startswith(prefix)}

    def read_type(item: Mapping[str, str]) -> tuple[str, VolumeTypeQuota]:
        type_quotas = {}
        for meter in VOLUME_TYPE:
            key = f"{meter.resource}_{item['id']}"
            if key in figures:
                type_quotas[meter.name] = quota(figures, key, meter.factor)
        return clean(item["id"]), VolumeTypeQuota(**type_quotas)

    rows = [{"id": name} for name in first_names(types)]
    return dict(read_items(rows, read_type, omissions))
