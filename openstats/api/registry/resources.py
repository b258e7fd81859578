"""The type of the registry's resources: names, models, URLs and their methods.

The resources themselves are rows of the route table; their views are in ``views``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from openstats.api.registry.documents import Document
from openstats.api.registry.writers import Writer
from openstats.http.body import Body
from openstats.http.parameters.lists import EntryParameters, ListParameters
from openstats.http.parameters.query import Query
from openstats.http.request import READ_METHODS
from openstats.storage.entries.pagination import Listing
from openstats.storage.store import Database

ROOT = "/api"
ACTING = ("POST",)

Action = Callable[[Database, str, int], None]
"""A function that changes the entry with a uuid, at a time in Unix seconds."""


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource of the registry, with everything that its routes and OpenAPI entries need."""

    name: str
    """Its name in URLs."""

    kind: str
    """The name of an entry's kind in the audit."""

    summary: str
    """A sentence for the OpenAPI document."""

    listing: Listing[Any]
    """How storage lists the rows of its entries."""

    document: Callable[[Any], Document]
    """Returns a row as an entry."""

    entry: type[BaseModel]
    """The model of an entry."""

    filters: type[ListParameters]
    """The parameters of the list."""

    bodies: Mapping[str, type[Body]] = field(default_factory=dict)
    """The bodies of POST, PUT and PATCH; a method without a body here is not allowed."""

    writer: Writer[Any, Any] = field(default_factory=Writer)
    """Writes its entries into the store."""

    actions: Mapping[str, Action] = field(default_factory=dict)
    """Other actions on an entry, by the last part of the URL."""

    is_private: bool = False
    """Whether only admins and readers may read it."""

    services_write: bool = False
    """Whether services may write it, as admins may."""

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
        """The parameters of a single entry."""
        return EntryParameters if self.listing.keeps_deleted else Query

    def permission(self, method: str) -> str:
        """Return the name of the policy rule that decides who may use a method."""
        return f"openstats:{self.name}:{'get' if method in READ_METHODS else 'write'}"

    @property
    def entry_url(self) -> str:
        """The URL of a single entry."""
        return f"{self.url}{{uuid}}/"

    def action_url(self, action: str) -> str:
        """Return the URL of an action on an entry."""
        return f"{self.entry_url}{action}/"

    @property
    def methods(self) -> dict[str, tuple[str, ...]]:
        """The methods of the URLs of the list, of an entry and of each action."""
        creating = ("POST",) if "POST" in self.bodies else ()
        changing = tuple(method for method in self.bodies if method != "POST")
        deleting = ("DELETE",) if self.writer.deletes else ()
        methods = {
            self.url: (*READ_METHODS, *creating),
            self.entry_url: (*READ_METHODS, *changing, *deleting),
        }
        return methods | dict.fromkeys(map(self.action_url, self.actions), ACTING)
