"""What a resource of the registry is: its names, its models, and how its entries are written.

The resources themselves are rows of the route table; what a request does is in ``views``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic import BaseModel

from openstats.http.body import Body
from openstats.http.parameters import EntryParameters, ListParameters, Query
from openstats.storage.entries.pagination import Listing
from openstats.storage.registry import customers, grants, tenants
from openstats.storage.registry.customers import UNSET, ObjectChange
from openstats.storage.registry.grants import GrantValues
from openstats.storage.schema.tables import GRANTEES
from openstats.storage.store import Database

ROOT = "/api"
READING = ("GET", "HEAD")
ACTING = ("POST",)

Fields = dict[str, Any]
"""The fields of a body that was accepted."""

Action = Callable[[Database, str, int], None]
"""Does something to the entry of a uuid, at a time."""


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


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A kind of thing in the registry, with all that its URLs and their description need."""

    name: str
    """What its URLs call it."""

    kind: str
    """What the audit calls one of its entries."""

    summary: str
    """A sentence for the description of the API."""

    listing: Listing
    """What storage shows of it."""

    entry: type[BaseModel]
    """What an entry looks like."""

    filters: type[ListParameters]
    """What the list takes."""

    bodies: Mapping[str, type[Body]] = field(default_factory=dict)
    """What POST, PUT and PATCH take; those without a body are not there."""

    writer: Writer = field(default_factory=Writer)
    """What storage does with a body."""

    actions: Mapping[str, Action] = field(default_factory=dict)
    """What else can be done to an entry, by the last part of the URL."""

    is_private: bool = False
    """Whether only admins, and who may read everything, see any of it."""

    services_write: bool = False
    """Whether other services may write it as well as admins."""

    @property
    def key(self) -> str:
        """The field that holds the entries of a list."""
        return self.name.replace("-", "_")

    @property
    def url(self) -> str:
        """The URL of the list."""
        return f"{ROOT}/{self.name}/"

    @property
    def entry_query(self) -> type[Query]:
        """What showing a single entry takes."""
        return EntryParameters if self.listing.past else Query

    def permission(self, method: str) -> str:
        """Return the name of the rule that decides who may use a method."""
        return f"openstats:{self.name}:{'get' if method in READING else 'write'}"

    @property
    def entry_url(self) -> str:
        """The URL of a single entry."""
        return f"{self.url}{{uuid}}/"

    def action_url(self, action: str) -> str:
        """Return the URL of something that can be done to an entry."""
        return f"{self.entry_url}{action}/"

    @property
    def methods(self) -> dict[str, tuple[str, ...]]:
        """The methods of each URL: that of the list, of an entry, and of each action."""
        creating = ("POST",) if "POST" in self.bodies else ()
        changing = tuple(method for method in self.bodies if method != "POST")
        deleting = ("DELETE",) if self.writer.deletes else ()
        methods = {
            self.url: (*READING, *creating),
            self.entry_url: (*READING, *changing, *deleting),
        }
        return methods | dict.fromkeys(map(self.action_url, self.actions), ACTING)
