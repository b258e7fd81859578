"""Cinder of the double: version documents, volumes, snapshots, quotas, pools, types.

Shapes after cinder 29.0.0 (api/v3/views/volumes.py, api/views/snapshots.py, contrib/quotas.py).
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Any

from tests.double import paging
from tests.double.identity import USER_ID
from tests.double.state import Snapshot, Volume
from tests.double.times import micro, parsed
from tests.double.web import (
    Api,
    Microversions,
    Reply,
    Request,
    ServiceError,
    Site,
    dotted,
    fault,
    route,
)

Document = dict[str, Any]

LIMITS = {
    "volumes": 10,
    "per_volume_gigabytes": -1,
    "snapshots": 10,
    "gigabytes": 1000,
    "backups": 10,
    "backup_gigabytes": 1000,
}
DEFAULT_TYPE = "__DEFAULT__"
TIMES = ("created_at", "updated_at")
CONTROLS = frozenset({"all_tenants", "limit", "marker", "offset", "sort", "sort_key", "sort_dir"})
# What else may stand in a query. For admins any other name is a filter that nothing passes.
FILTERS = frozenset({"status", "name", "project_id", *TIMES})
COMPARE: dict[str, Callable[[float, float], bool]] = {
    "gt": float.__gt__,
    "gte": float.__ge__,
    "lt": float.__lt__,
    "lte": float.__le__,
    "eq": float.__eq__,
    "neq": float.__ne__,
}


def versions(status: int, site: Site, request: Request) -> Reply:
    """Answer the version document, 300 at the root and 200 at /v3/."""
    return Reply(
        {
            "versions": [
                {
                    "id": "v3.0",
                    "status": "CURRENT",
                    "version": dotted(site.settings.volume_max),
                    "min_version": "3.0",
                    "updated": "2026-03-30T00:00:00Z",
                    "links": [
                        {
                            "rel": "describedby",
                            "type": "text/html",
                            "href": "https://docs.openstack.org/",
                        },
                        {"rel": "self", "href": f"{request.url}/v3/"},
                    ],
                    "media-types": [
                        {
                            "base": "application/json",
                            "type": "application/vnd.openstack.volume+json;version=3",
                        }
                    ],
                }
            ]
        },
        status,
    )


def volumes(site: Site, request: Request, project: str | None) -> Reply:
    """List a page of volumes in detail."""
    found = [
        each
        for each in _visible(site, site.state.volumes.values(), request)
        if _filters(request) <= FILTERS
        and _matches_times(each, request)
        and _matches(each, request.query)
    ]
    return _listed(site, request, "volumes", project, found, view=_volume)


def snapshots(site: Site, request: Request, project: str | None) -> Reply:
    """List a page of snapshots in detail."""
    if _filters(request) & {*TIMES}:
        # The devcloud's Cinder hands the operator to PostgreSQL as part of the time.
        raise ServiceError(500, "The server has either erred or is incapable of performing it.")
    found = [
        each
        for each in _visible(site, site.state.snapshots.values(), request)
        if _filters(request) <= FILTERS and _matches(each, request.query)
    ]
    return _listed(site, request, "snapshots", project, found, view=_snapshot)


def summary(site: Site, request: Request, project: str | None) -> Reply:
    """How many volumes, of how many GiB."""
    if request.version < (3, 12):
        raise ServiceError(404, "The resource could not be found.")
    found = list(_visible(site, site.state.volumes.values(), request))
    told = {"total_count": len(found), "total_size": sum(each.size for each in found)}
    more = {"metadata": {}} if request.version >= (3, 36) else {}
    return Reply({"volume-summary": told | more})


def quota(site: Site, request: Request, project: str | None, tenant: str) -> Reply:
    """Limits, with what is in use when asked; defaults for whatever tenant it does not know."""
    kinds = (*site.state.volume_types, DEFAULT_TYPE)
    limits = (
        LIMITS
        | {f"{what}_{kind}": -1 for kind in kinds for what in ("volumes", "gigabytes", "snapshots")}
        | {"groups": 10}
    )
    own, use = site.state.limits.get(tenant, {}), site.state.volume_use.get(tenant, {})
    effective = {name: own.get(name, limit) for name, limit in limits.items()}
    if request.query.get("usage", "").lower() not in ("1", "true", "yes", "on"):
        return Reply({"quota_set": {"id": tenant, **effective}})
    told = {
        name: {"limit": limit, "in_use": use.get(name, 0), "reserved": 0}
        for name, limit in effective.items()
    }
    return Reply({"quota_set": {"id": tenant, **told}})


def pools(site: Site, request: Request, project: str | None) -> Reply:
    """List the one pool."""
    pool: Document = {"name": "double@fake#fake"}
    if request.query.get("detail", "").lower() in ("1", "true", "yes", "on"):
        total, used = site.state.pool_gb, site.state.pool_use
        pool["capabilities"] = {
            "pool_name": "fake",
            "total_capacity_gb": float(total),
            "free_capacity_gb": float(total - used),
            "allocated_capacity_gb": used,
            "provisioned_capacity_gb": used,
            "reserved_percentage": 0,
            "max_over_subscription_ratio": "1.0",
            "thin_provisioning_support": False,
            "thick_provisioning_support": True,
            "total_volumes": len(site.state.volumes),
            "QoS_support": False,
            "multiattach": True,
            "location_info": "double:fake",
            "volume_backend_name": "fake",
            "storage_protocol": "iSCSI",
            "vendor_name": "double",
            "driver_version": "3.0.0",
            "timestamp": micro(site.clock()),
            "filter_function": None,
            "goodness_function": None,
        }
    return Reply({"pools": [pool]})


def types(site: Site, request: Request, project: str | None) -> Reply:
    """List the volume types."""
    items = [
        {
            "id": _type_id(name),
            "name": name,
            "is_public": True,
            "extra_specs": {},
            "description": "Default Volume Type" if name == DEFAULT_TYPE else None,
            "qos_specs_id": None,
            "os-volume-type-access:is_public": True,
        }
        for name in (*site.state.volume_types, DEFAULT_TYPE)
    ]
    return Reply({"volume_types": items})


def _type_id(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def _visible(site: Site, items: Any, request: Request) -> Any:
    query = request.query
    admin = site.settings.volume_admin and (request.token is None or request.token.is_admin)
    if not admin and (unknown := _filters(request) - FILTERS):
        # api/common.py, reject_invalid_filters: whoever is no admin learns what is no filter.
        raise ServiceError(400, f"Invalid filters {', '.join(sorted(unknown))} are found in query")
    if admin and query.get("all_tenants", "").lower() in ("1", "true", "yes", "on"):
        return iter(items)
    tenant = request.token.project_id if request.token else None
    return (each for each in items if tenant in (None, each.tenant_id))


def _matches(item: Volume | Snapshot, query: Mapping[str, str]) -> bool:
    return (
        query.get("status", item.status) == item.status
        and query.get("name", item.name) == item.name
        and query.get("project_id", item.tenant_id) == item.tenant_id
    )


def _filters(request: Request) -> set[str]:
    names = request.query.keys() - CONTROLS
    return names - {"with_count"} if request.version >= (3, 45) else set(names)


def _matches_times(volume: Volume, request: Request) -> bool:
    # The history says 3.60, and v3/volumes.py would drop them before; but from 3.31 on the general
    # filtering comes in between, and the devcloud's Cinder heeds them.
    if request.version < (3, 31):
        return True
    return all(
        _compares(getattr(volume, name), request.query[name])
        for name in TIMES
        if name in request.query
    )


def _compares(at: float | None, wanted: str) -> bool:
    conditions = []
    for each in wanted.split(","):
        operator, _, time = each.partition(":")
        if operator not in COMPARE:
            raise ServiceError(400, f"Invalid {operator} operator")
        try:
            conditions.append((COMPARE[operator], parsed(time)))
        except ValueError as error:
            raise ServiceError(400, f"Invalid {time} value") from error
    # db/api.py, _filter_time_comparison: several are joined by OR; NULL compares to nothing.
    return at is not None and any(compare(at, time) for compare, time in conditions)


def _listed(
    site: Site,
    request: Request,
    name: str,
    project: str | None,
    found: list[Any],
    *,
    view: Callable[[Request, str, Any], Document],
) -> Reply:
    query = request.query
    items = _sorted(found, query)
    size = paging.limit(query, site.settings.max_limit)
    base = f"{request.url}/v3/{project}" if project else f"{request.url}/v3"
    shown = items[_behind(name, items, query) :][:size]
    document: Document = {name: [view(request, base, each) for each in shown]}
    counted = query.get("with_count", "").lower() in ("1", "true", "yes", "on")
    if request.version >= (3, 45) and counted:
        document["count"] = len(items)
    # common.py, _get_collection_links: with a count the link goes on to an empty page.
    if shown and size <= (document.get("count") or len(shown)):
        path = f"{base.removeprefix(request.url)}/{name}/detail"
        document[f"{name}_links"] = paging.next_link(request, path, shown[-1].id)
    return Reply(document)


def _sorted(found: list[Any], query: Mapping[str, str]) -> list[Any]:
    sort = query.get("sort")
    if sort is None:
        sort = f"{query.get('sort_key', 'created_at')}:{query.get('sort_dir', 'desc')}"
    keys = [each.strip().partition(":") for each in sort.split(",")]
    items = sorted(found, key=attrgetter("id"), reverse=keys[0][2] != "asc")
    for key, _, direction in reversed(keys):
        if key not in ("created_at", "updated_at", "id", "size", "name", "status"):
            raise ServiceError(400, f"Sort key supplied is invalid: {key}")
        items.sort(key=attrgetter(key), reverse=direction != "asc")
    return items


def _behind(name: str, items: Sequence[Any], query: Mapping[str, str]) -> int:
    if "marker" not in query:
        return 0
    for index, each in enumerate(items):
        if each.id == query["marker"]:
            return index + 1
    kind = name.removesuffix("s").title()
    raise ServiceError(404, f"{kind} {query['marker']} could not be found.")


def _volume(request: Request, base: str, volume: Volume) -> Document:
    document: Document = {
        "id": volume.id,
        "status": volume.status,
        "size": volume.size,
        "availability_zone": "nova",
        "created_at": micro(volume.created_at),
        "updated_at": micro(volume.updated_at),
        "name": volume.name,
        "description": None,
        "volume_type": volume.type,
        "snapshot_id": None,
        "source_volid": None,
        "metadata": {},
        "links": [
            {"rel": "self", "href": f"{base}/volumes/{volume.id}"},
            {"rel": "bookmark", "href": f"{base.replace('/v3', '')}/volumes/{volume.id}"},
        ],
        "user_id": USER_ID,
        "bootable": "false",
        "encrypted": False,
        "replication_status": None,
        "consistencygroup_id": None,
        "multiattach": False,
        "attachments": _attachments(volume),
        "migration_status": None,
        "os-vol-tenant-attr:tenant_id": volume.tenant_id,
        "os-vol-host-attr:host": "double@fake#fake",
        "os-vol-mig-status-attr:migstat": None,
        "os-vol-mig-status-attr:name_id": None,
    }
    later = (
        ((3, 13), "group_id", None),
        ((3, 21), "provider_id", None),
        ((3, 48), "shared_targets", True),
        ((3, 48), "service_uuid", None),
        ((3, 61), "cluster_name", None),
        ((3, 63), "volume_type_id", _type_id(volume.type)),
        ((3, 65), "consumes_quota", True),
    )
    return document | {name: value for since, name, value in later if request.version >= since}


def _attachments(volume: Volume) -> list[Document]:
    if not volume.server_id:
        return []
    return [
        {
            "id": volume.id,
            "attachment_id": str(uuid.uuid5(uuid.NAMESPACE_URL, volume.id)),
            "volume_id": volume.id,
            "server_id": volume.server_id,
            "host_name": None,
            "device": volume.device,
            "attached_at": micro(volume.updated_at),
        }
    ]


def _snapshot(request: Request, base: str, snapshot: Snapshot) -> Document:
    document: Document = {
        "id": snapshot.id,
        "created_at": micro(snapshot.created_at),
        "updated_at": micro(snapshot.updated_at),
        "name": snapshot.name,
        "description": None,
        "volume_id": snapshot.volume_id,
        "status": snapshot.status,
        "size": snapshot.size,
        "metadata": {},
        "os-extended-snapshot-attributes:progress": "100%",
        "os-extended-snapshot-attributes:project_id": snapshot.tenant_id,
    }
    later = (
        ((3, 14), "group_snapshot_id", None),
        ((3, 41), "user_id", USER_ID),
        ((3, 65), "consumes_quota", True),
    )
    return document | {name: value for since, name, value in later if request.version >= since}


# The project may stand in the path, as it did before 3.67.
ROOT = "/v3(?:/([0-9a-f]{32}))?"
API = Api(
    "volume",
    (
        route(f"{ROOT}/volumes/detail", volumes),
        route(f"{ROOT}/volumes", volumes),
        route(f"{ROOT}/volumes/summary", summary),
        route(f"{ROOT}/snapshots/detail", snapshots),
        route(f"{ROOT}/os-quota-sets/{{}}", quota),
        route(f"{ROOT}/scheduler-stats/get_pools", pools),
        route(f"{ROOT}/types", types),
        route("/v3", partial(versions, 200)),
        route("", partial(versions, 300), open=True),
    ),
    fault,
    Microversions("volume", (3, 0), lambda settings: settings.volume_max),
)
