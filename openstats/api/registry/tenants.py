"""Models of tenants and their quotas in responses."""

from typing import Any

from pydantic import BaseModel, ConfigDict, create_model

from openstats.http.fields import Uuid
from openstats.meters import QUOTA_NAMES, VOLUME_TYPE

EXAMPLE: dict[str, Any] = {
    "vcpu": {"limit": 20, "in_use": 3},
    "ram": {"limit": 51200, "in_use": 6144},
    "storage": {"limit": 1024000, "in_use": 20480},
    "max_instances": {"limit": -1, "in_use": 3},
    "volume_types": {
        "fast": {
            "volumes": {"limit": 10, "in_use": 2},
            "snapshots": {"limit": -1, "in_use": 0},
            "storage": {"limit": 102400, "in_use": 20480},
        }
    },
}


class QuotaFigure(BaseModel):
    """A limit (-1: unlimited) and the use; null if unknown."""

    limit: int | None
    in_use: int | None


VolumeType: type[BaseModel] = create_model(
    "VolumeType",
    __doc__="Quotas on volumes of one type, which are parts of the tenant's; storage in MiB.",
    **dict.fromkeys((meter.name for meter in VOLUME_TYPE), (QuotaFigure, ...)),  # type: ignore[call-overload]
)

Quotas: type[BaseModel] = create_model(
    "Quotas",
    __config__=ConfigDict(json_schema_extra={"examples": [EXAMPLE]}),
    volume_types=(dict[str, VolumeType], ...),  # type: ignore[valid-type]
    **dict.fromkeys(QUOTA_NAMES, (QuotaFigure, ...)),  # type: ignore[call-overload]
)


class Tenant(BaseModel):
    """A Keystone project of a cloud."""

    uuid: Uuid
    cloud: Uuid
    tenant_id: str
    name: str
    project: Uuid | None
    enabled: bool
    deleted_at: int | None
    collected_at: int | None
    quota: Quotas  # type: ignore[valid-type]
