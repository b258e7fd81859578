"""Documents: the entries of the registry as JSON objects, in responses and in the audit.

A function for each kind of row in ``storage.entries``; ``clouds`` and ``api.alerts.entries`` have
their own. The order of the fields is part of an entry's ETag.
"""

from openstats.meters import VOLUME_TYPE
from openstats.model import Quota, VolumeTypeQuota
from openstats.storage.entries.audit import AuditRecord
from openstats.storage.entries.customers import StoredCustomer, StoredGroup, StoredProject
from openstats.storage.entries.instances import StoredInstance
from openstats.storage.entries.tenants import StoredTenant
from openstats.storage.registry.grants import StoredGrant

Document = dict[str, object]


def customer(row: StoredCustomer) -> Document:
    """Return a customer; ``deleted_at`` only if it is deleted."""
    document: Document = {"uuid": row.uuid, "name": row.name, "created_at": row.created_at}
    return document | _deletion(row.deleted_at)


def project_group(row: StoredGroup) -> Document:
    """Return a project group; ``deleted_at`` only if it is deleted."""
    document: Document = {
        "uuid": row.uuid,
        "name": row.name,
        "created_at": row.created_at,
        "customer": row.customer,
    }
    return document | _deletion(row.deleted_at) | {"projects": row.projects}


def project(row: StoredProject) -> Document:
    """Return a project; ``deleted_at`` only if it is deleted."""
    document: Document = {
        "uuid": row.uuid,
        "name": row.name,
        "created_at": row.created_at,
        "customer": row.customer,
    }
    return document | _deletion(row.deleted_at) | {"project_groups": row.groups}


def _deletion(deleted_at: int | None) -> Document:
    return {} if deleted_at is None else {"deleted_at": deleted_at}


def tenant(row: StoredTenant) -> Document:
    """Return a tenant with its quotas."""
    quotas: Document = {name: _quota(quota) for name, quota in row.quotas.items()}
    types = row.volume_types.items()
    quotas["volume_types"] = {name: _volume_type(of_type) for name, of_type in types}
    return {
        "uuid": row.uuid,
        "tenant_id": row.tenant_id,
        "name": row.name,
        "enabled": row.enabled,
        "deleted_at": row.deleted_at,
        "cloud": row.cloud,
        "project": row.project,
        "collected_at": row.collected_at,
        "quota": quotas,
    }


def _volume_type(quotas: VolumeTypeQuota) -> Document:
    return {meter.name: _quota(getattr(quotas, meter.name)) for meter in VOLUME_TYPE}


def _quota(quota: Quota | None) -> Document:
    if quota is None:
        return {"limit": None, "in_use": None}
    return {"limit": quota.limit, "in_use": quota.in_use}


def instance(row: StoredInstance) -> Document:
    """Return an instance."""
    return {
        "tenant": row.tenant,
        "uuid": row.uuid,
        "name": row.name,
        "status": row.status,
        "vcpus": row.vcpus,
        "ram": row.ram,
        "created_at": row.created_at,
        "disk": row.disk,
    }


def grant(row: StoredGrant) -> Document:
    """Return a grant, with its grantee under the name of the grantee's kind."""
    return {
        "uuid": row.uuid,
        row.values.grantee_kind: row.values.grantee,
        "role": row.values.role,
        "scope": {row.values.kind: row.values.object_uuid},
    }


def audit_record(row: AuditRecord) -> Document:
    """Return a record of the audit."""
    return {
        "uuid": row.uuid,
        "at": row.at,
        "who": row.who,
        "action": row.action,
        "kind": row.kind,
        "object": row.object_uuid,
        "before": row.before,
        "after": row.after,
        "request_id": row.request_id,
    }
