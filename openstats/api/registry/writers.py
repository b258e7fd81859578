"""How entries of the registry are written: fields of bodies become values of storage."""

from dataclasses import dataclass
from typing import Any, ClassVar

from openstats.storage.registry import customers, grants, tenants
from openstats.storage.registry.customers import UNSET, ObjectChange
from openstats.storage.registry.grants import GrantValues
from openstats.storage.schema.tables import GRANTEES
from openstats.storage.store import Database

Fields = dict[str, Any]
"""The fields of a body that was accepted."""


class Writer:
    """Writes the entries of a resource into the store.

    Which methods are called is up to the resource: to what it has bodies for, and to ``deletes``.
    """

    deletes: ClassVar[bool] = False
    """Whether entries can be deleted."""

    updates_on_post: ClassVar[bool] = False
    """Whether POST may mean an entry that is there already, which is then brought up to date."""

    def completed(self, _conf: Any, fields: Fields) -> Fields:
        """Return the fields with what the configuration says of the entry.

        Raises:
            BodyError: it says nothing of it.
        """
        return fields

    def existing(self, _db: Database, _fields: Fields) -> str | None:
        """Return the uuid of the entry that POST means; None: a new one."""
        return None

    def save(self, db: Database, uuid: str, fields: Fields, now: int) -> None:
        """Write the entry of a uuid, new or as it is changed.

        Raises:
            ConflictError: it contradicts what is there.
        """
        raise NotImplementedError

    def delete(self, db: Database, uuid: str, now: int) -> None:
        """Delete the entry of a uuid.

        Raises:
            ConflictError: something belongs to it.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class ObjectWriter(Writer):
    """Writes customers, project groups or projects."""

    kind: str
    deletes = True

    def save(self, db: Database, uuid: str, fields: Fields, now: int) -> None:
        """Create an object, or change the fields of it."""
        customers.write(db, self.kind, uuid, _object_change(fields), now)

    def delete(self, db: Database, uuid: str, now: int) -> None:
        """Delete an object to which nothing belongs."""
        customers.delete(db, self.kind, uuid, now)


def _object_change(fields: Fields) -> ObjectChange:
    """Return what the fields of a customer, project group or project set."""
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
    """Return what the fields of a grant say: it has one grantee, and is on one object."""
    (grantee_kind,) = fields.keys() & GRANTEES
    ((kind, object_uuid),) = fields["scope"].items()
    return GrantValues(grantee_kind, fields[grantee_kind], fields["role"], kind, object_uuid)
