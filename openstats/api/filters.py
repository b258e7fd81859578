"""What lists of the registry can be filtered by: fields, by equality."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, create_model

from openstats.api import registry
from openstats.api.parameters import AsWhole, Flag, Listed, Uuid
from openstats.api.times import Seconds
from openstats.storage.grants import ROLES
from openstats.storage.schema import GRANTEES


def storable(value: str) -> str:
    """Refuse what PostgreSQL has no text for."""
    if "\0" in value:
        raise ValueError("it takes a text without NUL")
    return value


def _null(value: Any) -> Any:
    return None if value == "null" else value


def _filters(name: str, /, **fields: Any) -> type[Listed]:
    """Make what a list takes: fields, each of which an entry has to be equal in."""
    told = "Only those where it is this."
    given: dict[str, Any] = {
        field: (kind | None, Field(None, description=told)) for field, kind in fields.items()
    }
    return create_model(name, __base__=Listed, **given)


Text = Annotated[str, Field(max_length=1024), AfterValidator(storable)]
Count = Annotated[int, Field(ge=0, le=2**53), AsWhole]
Word = Literal["null"]
NullableUuid = Annotated[
    Uuid | None, BeforeValidator(_null, json_schema_input_type=Uuid | Word | None)
]
NullableTime = Annotated[
    Seconds | None, BeforeValidator(_null, json_schema_input_type=registry.Moment | Word | None)
]
NullableFlag = Annotated[
    Flag | None, BeforeValidator(_null, json_schema_input_type=Flag | Word | None)
]
NullableName = Annotated[Text | None, BeforeValidator(_null)]

CustomerFilters = _filters("CustomerFilters", uuid=Uuid, name=Text, created_at=NullableTime)
OwnedFilters = _filters(
    "OwnedFilters", uuid=Uuid, name=Text, created_at=NullableTime, customer=Uuid
)
TenantFilters = _filters(
    "TenantFilters",
    uuid=Uuid,
    cloud=Uuid,
    tenant_id=Text,
    name=Text,
    project=NullableUuid,
    enabled=Flag,
    deleted_at=NullableTime,
    collected_at=NullableTime,
)
CloudFilters = _filters(
    "CloudFilters",
    uuid=Uuid,
    name=Text,
    auth_url=Text,
    region=Text,
    last_polled_at=NullableTime,
    last_error=NullableName,
    disk_shared=NullableFlag,
)
InstanceFilters = _filters(
    "InstanceFilters",
    uuid=Uuid,
    tenant=Uuid,
    name=Text,
    status=Text,
    vcpus=Count,
    ram=Count,
    disk=Count,
    created_at=Seconds,
)
AuditFilters = _filters(
    "AuditFilters",
    uuid=Uuid,
    at=Seconds,
    who=Text,
    action=Literal["create", "change", "delete"],
    kind=Text,
    object=Uuid,
    request_id=Text,
)
GrantFilters = _filters(
    "GrantFilters",
    uuid=Uuid,
    **dict.fromkeys(GRANTEES, Text),
    role=registry.Role,
    **dict.fromkeys(ROLES, Uuid),
)
