"""Writers of the registry's entries: they pass the fields of bodies to storage."""

from dataclasses import dataclass
from typing import Any, ClassVar

from openstats.storage.registry import customers, grants, tenants
from openstats.storage.registry.customers import UNSET, ObjectChange
from openstats.storage.registry.grants import GrantValues
from openstats.storage.schema.tables import GRANTEES
from openstats.storage.store import Database

Fields = dict[str, Any]
"""The fields of a validated body."""


class Writer:
    """Writes the entries of a resource into the store.

    ``save`` is called if the resource has bodies, ``delete`` if ``deletes`` is set.
    """

    deletes: ClassVar[bool] = False
    """Whether entries can be deleted."""

    updates_on_post: ClassVar[bool] = False
    """Whether POST updates an existing entry if the body matches one."""

    def completed(self, _conf: Any, fields: Fields) -> Fields:
        """Return the fields, completed from the configuration.

        Raises:
            BodyError: the configuration does not have the entry.
        """
        return fields

    def existing(self, _db: Database, _fields: Fields) -> str | None:
        """Return the uuid of the existing entry that POST updates; None to create a new one."""
        return None

    def save(self, db: Database, uuid: str, fields: Fields, now: int) -> None:
        """Create or change the entry with a uuid.

        Raises:
            ConflictError: the fields conflict with other entries.
        """
        raise NotImplementedError

    def delete(self, db: Database, uuid: str, now: int) -> None:
        """Delete the entry with a uuid.

        Raises:
            ConflictError: other entries belong to it.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class ObjectWriter(Writer):
    """Writes customers, project groups or projects."""

    kind: str
    deletes = True

    def save(self, db: Database, uuid: str, fields: Fields, now: int) -> None:
        """Create an object, or change its fields."""
        customers.write(db, self.kind, uuid, _object_change(fields), now)

    def delete(self, db: Database, uuid: str, now: int) -> None:
        """Delete an object that owns nothing."""
        customers.delete(db, self.kind, uuid, now)


def _object_change(fields: Fields) -> ObjectChange:
    """Return the change that the fields of a customer, project group or project make."""
    return ObjectChange(
        name=fields.get("name"),
        created_at=fields.get("created_at", UNSET),
        customer=fields.get("customer"),
        projects=fields.get("projects"),
        project_groups=fields.get("project_groups"),
    )


class TenantWriter(Writer):
    """Links tenants to projects."""

    def save(self, db: Database, uuid: str, fields: Fields, now: int) -> None:
        """Link the tenant, if a project is among the fields."""
        if "project" in fields:
            tenants.link_tenant(db, uuid, fields["project"], now)


class GrantWriter(Writer):
    """Writes grants."""

    deletes = True

    def save(self, db: Database, uuid: str, fields: Fields, now: int) -> None:
        """Write the grant."""
        grants.write(db, uuid, _grant_values(fields), now)

    def delete(self, db: Database, uuid: str, _now: int) -> None:
        """Revoke the grant."""
        grants.revoke(db, uuid)


def _grant_values(fields: Fields) -> GrantValues:
    """Return the values of a grant, which has one grantee and is on one object."""
    (grantee_kind,) = fields.keys() & GRANTEES
    ((kind, object_uuid),) = fields["scope"].items()
    return GrantValues(grantee_kind, fields[grantee_kind], fields["role"], kind, object_uuid)
