"""What a resource of the registry is: its names, its models, its URLs and their methods.

The resources themselves are rows of the route table; what a request does is in ``views``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel

from openstats.api.registry.writers import Writer
from openstats.http.body import Body
from openstats.http.parameters import EntryParameters, ListParameters, Query
from openstats.storage.entries.pagination import Listing
from openstats.storage.store import Database

ROOT = "/api"
READING = ("GET", "HEAD")
ACTING = ("POST",)

Action = Callable[[Database, str, int], None]
"""Does something to the entry of a uuid, at a time."""


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
