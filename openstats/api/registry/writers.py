"""Writers of the registry's entries: what storage does with the values of a request's body."""

from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from oslo_config import cfg

from openstats.api.registry.models import NewGrant, ObjectBody, TenantChange
from openstats.http.body import Body
from openstats.storage.registry import customers, grants, tenants
from openstats.storage.registry.customers import UNSET, ObjectChange, Unset
from openstats.storage.registry.grants import GrantValues
from openstats.storage.store import Database

BodyT = TypeVar("BodyT", bound=Body)
ValuesT = TypeVar("ValuesT")


class Writer(Generic[BodyT, ValuesT]):
    """Writes the entries of a resource into the store.

    ``values`` and ``save`` are called if the resource has bodies, ``delete`` if ``deletes`` is set.
    """

    deletes: ClassVar[bool] = False
    """Whether entries can be deleted."""

    updates_on_post: ClassVar[bool] = False
    """Whether POST updates an existing entry if the body matches one."""

    def values(self, conf: cfg.ConfigOpts, body: BodyT) -> ValuesT:
        """Return the values that storage takes.

        Raises:
            BodyError: the configuration does not have the entry.
        """
        raise NotImplementedError

    def existing(self, _db: Database, _values: ValuesT) -> str | None:
        """Return the uuid of the existing entry that POST updates; None to create a new one."""
        return None

    def save(self, db: Database, uuid: str, values: ValuesT, now: int) -> None:
        """Create or change the entry with a uuid.

        Raises:
            ConflictError: the values conflict with other entries.
        """
        raise NotImplementedError

    def delete(self, db: Database, uuid: str, now: int) -> None:
        """Delete the entry with a uuid.

        Raises:
            ConflictError: other entries belong to it.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class ObjectWriter(Writer[ObjectBody, ObjectChange]):
    """Writes customers, project groups or projects."""

    kind: str
    deletes = True

    def values(self, _conf: cfg.ConfigOpts, body: ObjectBody) -> ObjectChange:
        """Return the change of the object."""
        return body.change()

    def save(self, db: Database, uuid: str, values: ObjectChange, now: int) -> None:
        """Create an object, or change its fields."""
        customers.write(db, self.kind, uuid, values, now)

    def delete(self, db: Database, uuid: str, now: int) -> None:
        """Delete an object that owns nothing."""
        customers.delete(db, self.kind, uuid, now)


class TenantWriter(Writer[TenantChange, str | Unset | None]):
    """Links tenants to projects."""

    def values(self, _conf: cfg.ConfigOpts, body: TenantChange) -> str | Unset | None:
        """Return the uuid of the project; None for no project."""
        return body.project if "project" in body.model_fields_set else UNSET

    def save(self, db: Database, uuid: str, values: str | Unset | None, now: int) -> None:
        """Link the tenant, unless the project is unset."""
        if values is not UNSET:
            tenants.link_tenant(db, uuid, values, now)


class GrantWriter(Writer[NewGrant, GrantValues]):
    """Writes grants."""

    deletes = True

    def values(self, _conf: cfg.ConfigOpts, body: NewGrant) -> GrantValues:
        """Return the values of the grant."""
        return body.values()

    def save(self, db: Database, uuid: str, values: GrantValues, now: int) -> None:
        """Write the grant."""
        grants.write(db, uuid, values, now)

    def delete(self, db: Database, uuid: str, _now: int) -> None:
        """Revoke the grant."""
        grants.revoke(db, uuid)
