"""What the statistics of a cloud must answer, by SQL from the cloud's own databases only.

No API is asked and no code of openstats is used here: an error there cannot hide in here. A cloud
is anything with `sql(database, query, params=()) -> rows as dicts`.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from typing import Any, Protocol

# The documented defaults of the services, for what no row in a database says.
NOVA_DEFAULTS = {"cores": 20, "ram": 51200, "instances": 10}
CINDER_DEFAULTS = {"gigabytes": 1000, "volumes": 10, "snapshots": 10}

# An instance that exists: not deleted, not kept for a while after its deletion, and not one
# of the two copies that a move between cells makes.
EXISTS = "deleted = 0 AND NOT hidden AND (vm_state IS NULL OR vm_state <> 'soft-delete')"
# Instances that were never placed on a host stay in cell0.
CELLS = ("nova_cell0", "nova_cell1")

Row = dict[str, Any]


class Databases(Protocol):
    def sql(self, database: str, query: str, params: Any = ()) -> list[Row]: ...


# -- capacity


def capacity(cloud: Databases) -> dict[str, int]:
    """Nova's way: its compute nodes, without those of disabled services."""
    columns = ("vcpus", "vcpus_used", "memory_mb", "memory_mb_used", "free_ram_mb", "free_disk_gb")
    sums = ", ".join(f"coalesce(sum(n.{name}), 0)::int AS {name}" for name in columns)
    query = f"""
        SELECT {sums} FROM compute_nodes n JOIN services s ON s.host = n.host
        WHERE n.deleted = 0 AND s.deleted = 0 AND NOT s.disabled AND s."binary" = 'nova-compute'
    """
    return cloud.sql("nova_cell1", query)[0]


def capacity_placement(cloud: Databases) -> dict[str, int]:
    """The same by Placement: compute providers that are not disabled."""
    total, reserved, used = (defaultdict[str, int](int) for _ in range(3))
    for row in cloud.sql("placement", _INVENTORIES):
        total[row["name"]] += row["total"]
        reserved[row["name"]] += row["reserved"]
        used[row["name"]] += row["used"]
    memory_used = used["MEMORY_MB"] + reserved["MEMORY_MB"]
    return {
        "vcpus": total["VCPU"] + total["PCPU"],
        "vcpus_used": used["VCPU"] + used["PCPU"],
        "memory_mb": total["MEMORY_MB"],
        "memory_mb_used": memory_used,
        "free_ram_mb": total["MEMORY_MB"] - memory_used,
        "free_disk_gb": total["DISK_GB"] - used["DISK_GB"],
    }


_INVENTORIES = """
    SELECT c.name, i.total, i.reserved, (
        SELECT coalesce(sum(a.used), 0) FROM allocations a
        WHERE a.resource_provider_id = i.resource_provider_id
          AND a.resource_class_id = i.resource_class_id
    ) AS used
    FROM inventories i JOIN resource_classes c ON c.id = i.resource_class_id
    WHERE i.resource_provider_id IN (
        SELECT v.resource_provider_id FROM inventories v
        JOIN resource_classes d ON d.id = v.resource_class_id WHERE d.name IN ('VCPU', 'PCPU')
    ) AND i.resource_provider_id NOT IN (
        SELECT p.resource_provider_id FROM resource_provider_traits p
        JOIN traits t ON t.id = p.trait_id WHERE t.name = 'COMPUTE_STATUS_DISABLED'
    )
"""


# -- quotas


def quotas(cloud: Databases) -> dict[str, dict[str, tuple[int, int]]]:
    """Limit (-1: unlimited) and use of every resource, by tenant; tenants that Keystone knows."""
    limits = {
        **_limits(cloud, "nova_api", NOVA_DEFAULTS, "TRUE"),
        **_limits(cloud, "cinder", CINDER_DEFAULTS, "NOT deleted"),
    }
    in_use = _compute_use(cloud) | _storage_use(cloud)
    return {
        tenant: {
            resource: (
                limits[resource].get(tenant, limits[resource][None]),
                in_use[resource].get(tenant, 0),
            )
            for resource in (*NOVA_DEFAULTS, *CINDER_DEFAULTS)
        }
        for tenant in projects(cloud)
    }


def _limits(
    cloud: Databases, database: str, defaults: dict[str, int], valid: str
) -> dict[str, dict[str | None, int]]:
    """By resource and tenant; for None, what tenants have who have no row of their own."""
    limits: dict[str, dict[str | None, int]] = {k: {None: v} for k, v in defaults.items()}
    classes = "SELECT resource, hard_limit FROM quota_classes WHERE class_name = 'default'"
    for row in cloud.sql(database, f"{classes} AND {valid}"):
        if row["resource"] in limits:
            limits[row["resource"]][None] = row["hard_limit"]
    own = f"SELECT project_id, resource, hard_limit FROM quotas WHERE {valid}"
    for row in cloud.sql(database, own):
        if row["resource"] in limits:
            limits[row["resource"]][row["project_id"]] = row["hard_limit"]
    return limits


def _compute_use(cloud: Databases) -> dict[str, dict[str, int]]:
    """What Nova counts for quotas: every instance that exists, also in cell0, also shelved."""
    query = f"""
        SELECT project_id, count(*) AS instances, sum(vcpus) AS cores, sum(memory_mb) AS ram
        FROM instances WHERE {EXISTS} GROUP BY project_id
    """
    return _summed(NOVA_DEFAULTS, [row for cell in CELLS for row in cloud.sql(cell, query)])


def _storage_use(cloud: Databases) -> dict[str, dict[str, int]]:
    """From volumes and snapshots, not from Cinder's `quota_usages`.

    Those are counters that Cinder keeps beside what it counts: copied, they would agree with the
    API also when both are wrong. In a quiet cloud they have to come to the same.
    """
    volumes = """
        SELECT project_id, count(*) AS volumes, sum(size) AS gigabytes
        FROM volumes WHERE NOT deleted AND use_quota GROUP BY project_id
    """
    snapshots = """
        SELECT project_id, count(*) AS snapshots, sum(volume_size) AS gigabytes
        FROM snapshots WHERE NOT deleted AND use_quota GROUP BY project_id
    """
    rows = cloud.sql("cinder", volumes) + cloud.sql("cinder", snapshots)
    return _summed(CINDER_DEFAULTS, rows)


def _summed(resources: dict[str, int], rows: list[Row]) -> dict[str, dict[str, int]]:
    """Rows of a tenant's figures, added by resource and tenant."""
    sums: dict[str, dict[str, int]] = {resource: defaultdict(int) for resource in resources}
    for row in rows:
        for resource in resources:
            sums[resource][row["project_id"]] += int(row.get(resource) or 0)
    return sums


# -- what is allocated


# An image says only what the root was made of: it may be on a volume all the same.
ON_VOLUME = """EXISTS (
    SELECT FROM block_device_mapping b WHERE b.instance_uuid = i.uuid AND b.deleted = 0
        AND b.boot_index = 0 AND b.destination_type = 'volume'
)"""


def allocated(cloud: Databases) -> dict[str, tuple[int, int, int]]:
    """MiB of memory and of storage (local disk and volumes), and vCPUs, by tenant."""
    flavor = "(e.flavor::json -> 'cur' -> 'nova_object.data' ->> 'swap')::int"
    query = f"""
        SELECT i.project_id, sum(i.memory_mb) AS memory, sum(i.vcpus) AS vcpus,
            sum(1024 * (CASE WHEN {ON_VOLUME} THEN 0 ELSE i.root_gb END + i.ephemeral_gb)
                + {flavor}) AS disk
        FROM instances i JOIN instance_extra e ON e.instance_uuid = i.uuid
        WHERE i.deleted = 0 AND NOT i.hidden
            AND (i.vm_state IS NULL OR i.vm_state <> 'soft-delete')
        GROUP BY i.project_id
    """
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in (row for cell in CELLS for row in cloud.sql(cell, query)):
        found = sums[row["project_id"]]
        for place, column in enumerate(("memory", "disk", "vcpus")):
            found[place] += int(row[column])
    volumes = "SELECT project_id, sum(size) AS size FROM volumes WHERE NOT deleted GROUP BY 1"
    for row in cloud.sql("cinder", volumes):
        sums[row["project_id"]][1] += 1024 * int(row["size"])
    return {tenant: (memory, disk, vcpus) for tenant, (memory, disk, vcpus) in sums.items()}


# -- who has what, since when


def instances(cloud: Databases) -> dict[str, int]:
    """Number of instances that exist, by tenant; tenants without any are left out."""
    found = _compute_use(cloud)["instances"]
    return {tenant: count for tenant, count in found.items() if count}


def first_created(cloud: Databases) -> dict[str, int]:
    """Unix time of the tenant's earliest server or volume among those that exist."""
    query = "SELECT project_id, min(created_at) AS first FROM {} WHERE {} GROUP BY project_id"
    rows = [row for cell in CELLS for row in cloud.sql(cell, query.format("instances", EXISTS))]
    rows += cloud.sql("cinder", query.format("volumes", "NOT deleted"))
    first: dict[str, int] = {}
    for row in rows:
        # The databases hold UTC without saying so.
        created = int(row["first"].replace(tzinfo=datetime.UTC).timestamp())
        tenant = row["project_id"]
        first[tenant] = min(created, first.get(tenant, created))
    return first


def projects(cloud: Databases) -> dict[str, Row]:
    """Every project, by id: name, domain_id, domain, enabled, tags (sorted)."""
    query = """
        SELECT p.id, p.name, p.domain_id, d.name AS domain, p.enabled AND d.enabled AS enabled
        FROM project p JOIN project d ON d.id = p.domain_id WHERE NOT p.is_domain
    """
    found = {row["id"]: {**row, "tags": []} for row in cloud.sql("keystone", query)}
    for row in cloud.sql("keystone", "SELECT project_id, name FROM project_tag ORDER BY name"):
        if row["project_id"] in found:
            found[row["project_id"]]["tags"].append(row["name"])
    return found
