"""Filters of the registry's lists: fields by value, names also by substring."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, create_model

from openstats.api.registry import models
from openstats.http.fields import AsInteger, Flag, Uuid
from openstats.http.parameters.lists import ListParameters, PastListParameters
from openstats.http.parameters.query import Repeated
from openstats.http.parameters.times import Seconds
from openstats.storage.entries.pagination import NAME_PART
from openstats.storage.registry.grants import ROLES
from openstats.storage.schema.tables import GRANTEES


def storable(value: str) -> str:
    """Return the text, if PostgreSQL can hold it.

    Raises:
        ValueError: the text contains NUL.
    """
    if "\0" in value:
        raise ValueError("must not contain NUL")
    return value


def _null(value: Any) -> Any:
    return None if value == "null" else value


def list_parameters(
    model: str,
    /,
    *,
    flag: str | None = None,
    base: type[ListParameters] = ListParameters,
    **kinds: Any,
) -> type[ListParameters]:
    """Return a model of the parameters of a list; ``kinds`` maps fields to their types.

    Each field becomes a filter that may be repeated. ``flag`` names a boolean filter that may not.
    If ``name`` is among the fields, a filter by substring is added. ``base`` has all other
    parameters of the list.
    """
    fields: dict[str, Any] = {}
    for name, kind in kinds.items():
        text = _description(name, kind)
        fields[name] = (Repeated[kind], Field((), description=text))  # type: ignore[valid-type]
    if "name" in kinds:
        fields[NAME_PART] = (Text | None, Field(None, description=PART))
    if flag:
        fields[flag] = (Flag | None, Field(None, description=FLAG))
    parameters: type[ListParameters] = create_model(model, __base__=base, **fields)
    if "name" in kinds:
        parameters.spellings = {"name~": NAME_PART}
    return parameters


def _description(field: str, kind: Any) -> str:
    null = " null: entries without one." if "null" in str(kind) else ""
    return f"{TEXTS[field]}{null} May be repeated."


Text = Annotated[str, Field(min_length=1, max_length=1024), AfterValidator(storable)]
Status = Annotated[Text, AfterValidator(str.upper)]
"""The status of a server, in capitals as Nova writes it."""

FLAG = "Only entries that are enabled, or only disabled ones."
PART = "Only entries whose name contains this, ignoring case. Also spelled name~."
WHEN = "Unix seconds or ISO 8601"
TEXTS = {
    "uuid": "Only the entry with this UUID.",
    "name": "Only entries with exactly this name.",
    "created_at": f"Only entries created at this time, in {WHEN}.",
    "customer": "Only entries that belong to this customer.",
    "project_group": "Only entries on this project group.",
    "project": "Only entries that belong to this project.",
    "tenant": "Only instances of this tenant.",
    "cloud": "Only entries that belong to this cloud.",
    "tenant_id": "Only tenants with this Keystone ID.",
    "deleted_at": f"Only tenants gone since this time, in {WHEN}.",
    "collected_at": f"Only tenants with quotas read at this time, in {WHEN}.",
    "auth_url": "Only clouds with this auth_url.",
    "region": "Only clouds of this region.",
    "last_polled_at": f"Only clouds last read at this time, in {WHEN}.",
    "last_error": "Only clouds with this error.",
    "disk_shared": "Only clouds whose hypervisors share storage, or only other clouds.",
    "status": "Only servers with this Nova status, ignoring case.",
    "vcpus": "Only servers with this many vCPUs.",
    "ram": "Only servers with this much memory, in MiB.",
    "disk": "Only servers with this much local disk, in MiB.",
    "at": f"Only writes at this time, in {WHEN}.",
    "who": "Only writes by this caller.",
    "action": "Only writes with this action.",
    "kind": "Only writes to objects of this kind, such as customer.",
    "object": "Only writes to the object with this UUID.",
    "request_id": "Only writes by the request with this ID.",
    "role": "Only grants of this role.",
    "user_id": "Only grants to the Keystone user with this ID.",
    "group_id": "Only grants to the Keystone group with this ID.",
    "subject": "Only grants to this subject of a portal.",
}
"""Descriptions of the filters by field."""
Count = Annotated[int, Field(ge=0, le=2**53), AsInteger]
Null = Literal["null"]
NullableUuid = Annotated[Uuid | None, BeforeValidator(_null, json_schema_input_type=Uuid | Null)]
NullableTime = Annotated[
    Seconds | None, BeforeValidator(_null, json_schema_input_type=Seconds | Null)
]
NullableFlag = Annotated[Flag | None, BeforeValidator(_null, json_schema_input_type=Flag | Null)]
NullableName = Annotated[Text | None, BeforeValidator(_null, json_schema_input_type=Text)]

CustomerFilters = list_parameters(
    "CustomerFilters", base=PastListParameters, uuid=Uuid, name=Text, created_at=NullableTime
)
OwnedFilters = list_parameters(
    "OwnedFilters",
    base=PastListParameters,
    uuid=Uuid,
    name=Text,
    created_at=NullableTime,
    customer=Uuid,
)
TenantFilters = list_parameters(
    "TenantFilters",
    base=PastListParameters,
    uuid=Uuid,
    cloud=Uuid,
    tenant_id=Text,
    name=Text,
    project=NullableUuid,
    flag="enabled",
    deleted_at=NullableTime,
    collected_at=NullableTime,
)
CloudFilters = list_parameters(
    "CloudFilters",
    uuid=Uuid,
    name=Text,
    auth_url=Text,
    region=Text,
    last_polled_at=NullableTime,
    last_error=NullableName,
    disk_shared=NullableFlag,
)
InstanceFilters = list_parameters(
    "InstanceFilters",
    uuid=Uuid,
    tenant=Uuid,
    project=Uuid,
    customer=Uuid,
    name=Text,
    status=Status,
    vcpus=Count,
    ram=Count,
    disk=Count,
    created_at=Seconds,
)
AuditFilters = list_parameters(
    "AuditFilters",
    uuid=Uuid,
    at=Seconds,
    who=Text,
    action=Literal["create", "change", "delete"],
    kind=Text,
    object=Uuid,
    request_id=Text,
)
GRANT_KINDS: dict[str, Any] = dict.fromkeys(GRANTEES, Text) | dict.fromkeys(ROLES, Uuid)
GrantFilters = list_parameters("GrantFilters", uuid=Uuid, role=models.Role, **GRANT_KINDS)
