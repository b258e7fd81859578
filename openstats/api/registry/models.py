"""Models of most of the registry's resources: entries in responses, and request bodies."""

from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from openstats.http.body import Body, OneFieldBody
from openstats.http.fields import Name, Uuid
from openstats.names import noun
from openstats.storage.registry.customers import ObjectChange
from openstats.storage.registry.grants import ROLES, GrantValues
from openstats.storage.schema.tables import GRANTEES
from openstats.unix_time import LATEST

EXAMPLE = "6f1c6a1e-3a0b-4c55-9a55-0d6c2b0f7a10"
OTHER = "2b5f5a52-7d0c-4c38-8e5c-5f0f3c1d9e21"


MAX_UUIDS = 10000
"""Maximum number of uuids in one list."""

Uuids = Annotated[list[Uuid], Field(max_length=MAX_UUIDS)]
Moment = Annotated[int, Field(ge=0, le=LATEST, description="Unix seconds.")]


OWNER = "Customer that owns it."
MEMBER = "Project in the group."
GROUP = "Project group that the project is in."


class Customer(BaseModel):
    """A customer."""

    uuid: Uuid
    name: str
    created_at: int | None
    deleted_at: int = Field(0, description="Only of deleted entries.")


class ProjectGroup(Customer):
    """A set of projects of one customer."""

    customer: Uuid
    projects: list[Uuid]


class Project(Customer):
    """A project, to which tenants are linked."""

    customer: Uuid
    project_groups: list[Uuid]


class Instance(BaseModel):
    """A server that exists; ram and disk in MiB."""

    uuid: Uuid
    tenant: Uuid
    name: str
    status: str
    vcpus: int
    ram: int
    disk: int
    created_at: int


class AuditEntry(BaseModel):
    """A change: its author, and the object before and after it; null if it did not exist."""

    uuid: Uuid
    at: int
    who: str
    action: Literal["create", "change", "delete"]
    kind: str
    object: Uuid
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    request_id: str


class GrantScope(OneFieldBody):
    """The object that a role is on: exactly one of these."""

    customer: Uuid = ""
    project_group: Uuid = ""
    project: Uuid = ""
    cloud: Uuid = ""


Role = Literal["owner", "manager", "admin"]


class Grant(BaseModel):
    """A role of one user, group or subject."""

    uuid: Uuid
    user_id: str = ""
    group_id: str = ""
    subject: str = ""
    role: Role
    scope: GrantScope


def _example(**fields: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [fields]})


class ObjectBody(Body):
    """Base of the bodies of customers, project groups and projects."""

    def change(self) -> ObjectChange:
        """Return the change that the fields of the body make; the uuid is none of them."""
        return ObjectChange(**self.model_dump(exclude={"uuid"}, exclude_unset=True))


class NewCustomer(ObjectBody):
    """A customer to create."""

    model_config = _example(name="Acme Corp", created_at=1415910025)

    name: Name = Field(description="Name of the object.")
    created_at: Moment | None = Field(None, description="Unix seconds. Default: now.")


class WholeCustomer(NewCustomer):
    """A customer to create or replace; uuid and a known created_at cannot change."""

    uuid: Uuid = ""


class CustomerChange(ObjectBody):
    """Fields of a customer to change."""

    model_config = _example(name="Acme Corporation")

    name: Name = Field("", description="Name of the object.")
    created_at: Moment = Field(0, description="Unix seconds. Only if it is unknown so far.")


class NewGroup(NewCustomer):
    """A project group to create."""

    model_config = _example(name="web", customer=EXAMPLE, projects=[OTHER])

    customer: Uuid = Field(description=OWNER)
    projects: Uuids = Field(default_factory=list, description=MEMBER)

    def change(self) -> ObjectChange:
        """Return the change that the fields of the body make; by default, to no projects."""
        return replace(super().change(), projects=self.projects)


class WholeGroup(NewGroup):
    """A project group to create or replace."""

    uuid: Uuid = ""


class GroupChange(CustomerChange):
    """Fields of a project group to change."""

    model_config = _example(projects=[OTHER])

    customer: Uuid = Field("", description=OWNER)
    projects: Uuids = Field(default_factory=list, description=MEMBER)


class NewProject(NewCustomer):
    """A project to create."""

    model_config = _example(name="shop", customer=EXAMPLE, project_groups=[OTHER])

    customer: Uuid = Field(description=OWNER)
    project_groups: Uuids = Field(default_factory=list, description=GROUP)

    def change(self) -> ObjectChange:
        """Return the change that the fields of the body make; by default, to no groups."""
        return replace(super().change(), project_groups=self.project_groups)


class WholeProject(NewProject):
    """A project to create or replace."""

    uuid: Uuid = ""


class ProjectChange(CustomerChange):
    """Fields of a project to change; past usage stays with the former customer."""

    model_config = _example(customer=EXAMPLE)

    customer: Uuid = Field("", description=OWNER)
    project_groups: Uuids = Field(default_factory=list, description=GROUP)


class TenantChange(Body):
    """The project to link a tenant to from now on; null for none."""

    model_config = _example(project=EXAMPLE)

    project: Uuid | None = Field(None, description="Project that the tenant is linked to.")


class NewGrant(Body):
    """A grant to create, to exactly one of user_id, group_id and subject."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"subject": "jane", "role": "owner", "scope": {"customer": EXAMPLE}}],
            "oneOf": [{"required": [name]} for name in GRANTEES],
        }
    )

    user_id: Name = Field("", description="ID of the Keystone user who gets the role.")
    group_id: Name = Field("", description="ID of the Keystone group that gets the role.")
    subject: Name = Field("", description="Subject of a portal that gets the role.")
    role: Role = Field(
        description="owner of a customer, manager of a group or project, admin of a project or "
        "cloud."
    )
    scope: GrantScope = Field(description="Object that the role is on.")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if len(self._grantee_kinds()) != 1:
            raise ValueError(f"{', '.join(GRANTEES)}: must have exactly one of them")
        kind, _ = self.scope.only_field()
        if self.role not in ROLES[kind]:
            choices = " or ".join(ROLES[kind])
            raise ValueError(f"role={self.role}: must be {choices} on a {noun(kind)}")
        return self

    def _grantee_kinds(self) -> set[str]:
        return self.model_fields_set & set(GRANTEES)

    def values(self) -> GrantValues:
        """Return the values of the grant."""
        (grantee_kind,) = self._grantee_kinds()
        kind, object_uuid = self.scope.only_field()
        grantee = getattr(self, grantee_kind)
        return GrantValues(grantee_kind, grantee, self.role, kind, object_uuid)


class WholeGrant(NewGrant):
    """A grant to create or replace."""

    uuid: Uuid = ""
