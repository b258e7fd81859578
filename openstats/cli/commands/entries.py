"""Commands on the registry's entries: list, show, create, set, delete, and actions on alerts.

Their options are those of the API: the filters of lists, and the fields of bodies.
"""

import argparse
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from cliff.command import Command

from openstats.cli import options, references
from openstats.cli.api import Api, api, listed
from openstats.cli.main import OpenstatsCommand
from openstats.cli.options import Pairs
from openstats.cli.printing import ListCommand, ShowCommand
from openstats.cli.tables import ColumnsAndRows, ColumnsAndValues, rows
from openstats.errors import OpenstatsError

if TYPE_CHECKING:
    from openstats.api.registry.resources import Resource

PAGE = 1000
PAGING = ("limit", "marker")
DETAILS = (
    "quota",
    "capacity",
    "resource_classes",
    "availability_zones",
    "meters",
    "labels",
    "before",
    "after",
)
"""Fields that ``show`` prints, but ``list`` does not."""

COMMANDS = {
    "customer": ("customers", "list show create set delete"),
    "project": ("projects", "list show create set delete"),
    "group": ("project-groups", "list show create set delete"),
    "tenant": ("tenants", "list show set"),
    "cloud": ("clouds", "list show create delete"),
    "instance": ("instances", "list show"),
    "grant": ("grants", "list show create delete"),
    "alert": ("alerts", "list show create close acknowledge"),
    "audit": ("audit", "list show"),
}
"""The resource in the API and the verbs, by the noun of the commands."""

TITLES = {"group": "project group", "audit": "audit entry"}
PLURALS = {"audit entry": "audit entries"}


def commands() -> Iterator[tuple[str, type[Command]]]:
    """Yield the names and classes of all commands of this module."""
    for noun, (resource, verbs) in COMMANDS.items():
        title = TITLES.get(noun, noun)
        article = "an" if title[0] in "aeiou" else "a"
        for verb in verbs.split():
            base, text = VERBS[verb]
            summary = text.format(title, f"{article} {title}", PLURALS.get(title, f"{title}s"))
            fields = {"name": resource, "noun": noun, "verb": verb, "__doc__": summary}
            yield f"{noun} {verb}", type(f"{noun}_{verb}".title(), (base,), fields)


class ResourceCommand(OpenstatsCommand):
    """A command on the entries of one resource of the API."""

    name: ClassVar[str]
    noun: ClassVar[str]
    verb: ClassVar[str]

    @property
    def resource(self) -> "Resource":
        """The resource in the route table."""
        from openstats.api.routes import RESOURCES

        return next(resource for resource in RESOURCES if resource.name == self.name)

    @property
    def url(self) -> str:
        """The URL of the list of entries."""
        return str(self.resource.url)

    def entry_url(self, client: Api, key: str, *, deleted: bool = False) -> str:
        """Return the URL of the entry that ``key`` refers to: a uuid, or a unique name."""
        title = TITLES.get(self.noun, self.noun)
        uuid = references.uuid_of(client, self.resource, key, kind=title, deleted=deleted)
        return f"{self.url}{uuid}/"

    @property
    def columns(self) -> list[str]:
        """All fields of an entry, including those that a response lacks."""
        from openstats.http.validation import parameter_names

        return parameter_names(self.resource.entry)

    def cells(self, entry: Mapping[str, object]) -> ColumnsAndValues:
        """Return an entry as columns and values."""
        return self.columns, [entry.get(name) for name in self.columns]


class ListEntries(ResourceCommand, ListCommand):
    """List entries, by filters."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser, with an option for each filter."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        options.add_parameters(parser, self.resource.filters, without=PAGING)
        parser.add_argument(
            "--limit", type=int, metavar="NUMBER", help="Maximum number of entries. Default: all."
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> ColumnsAndRows:
        """Return the columns and rows of the entries."""
        client = api(self.app)
        names = options.parameters(self.resource.filters, without=PAGING)
        query = options.query(client, {name: getattr(parsed_args, name) for name in names})
        entries = _pages(client, self.resource, query, parsed_args.limit)
        return rows([name for name in self.columns if name not in DETAILS], entries)


def _pages(
    client: Api, resource: "Resource", query: Pairs, limit: int | None
) -> list[Mapping[str, object]]:
    """Return at most ``limit`` entries of a list, fetched page by page."""
    entries: list[Mapping[str, object]] = []
    # The first request is always sent, so that the API refuses an invalid limit.
    while not entries or limit is None or len(entries) < limit:
        size = PAGE if limit is None else min(PAGE, limit - len(entries))
        marker = [("marker", entries[-1]["uuid"])] if entries else []
        answer = client.ask(resource.url, query=[*query, ("limit", size), *marker])
        entries += listed(answer, resource.key)
        if "links" not in answer.document:
            break
    return entries


class EntryCommand(ResourceCommand):
    """A command on one entry."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser, with an argument for the entry."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        key = "UUID or name" if "name" in self.resource.filters.model_fields else "UUID"
        parser.add_argument("entry", metavar=self.noun.upper(), help=f"{key}.")
        return parser


class ShowEntry(EntryCommand, ShowCommand):
    """Show one entry."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser, with --deleted if the resource keeps deleted entries."""
        parser = super().get_parser(prog_name)
        if "deleted" in self.resource.entry_query.model_fields:
            parser.add_argument(
                "--deleted", action="store_true", help="Show the entry even if it was deleted."
            )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> ColumnsAndValues:
        """Show the entry."""
        client, deleted = api(self.app), getattr(parsed_args, "deleted", False)
        url = self.entry_url(client, parsed_args.entry, deleted=deleted)
        entry = client.ask(url, query=[("deleted", "true")] if deleted else ()).document
        return self.cells(entry)


class CreateEntry(ResourceCommand, ShowCommand):
    """Create an entry, from the fields of the API's body."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser, with an option for each field."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        options.add_fields(parser, self.resource.bodies["POST"])
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> ColumnsAndValues:
        """Create the entry, and show it."""
        client = api(self.app)
        body = options.body(client, parsed_args, self.resource.bodies["POST"])
        entry = client.ask(self.url, method="POST", body=body).document
        return self.cells(entry)


class SetEntry(EntryCommand, ShowCommand):
    """Change an entry."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser, with an option for each field that can change."""
        parser = super().get_parser(prog_name)
        options.add_fields(parser, self.resource.bodies["PATCH"], changing=True)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> ColumnsAndValues:
        """Change the entry, and show it."""
        client = api(self.app)
        body = options.body(client, parsed_args, self.resource.bodies["PATCH"])
        if not body:
            raise OpenstatsError(f"{self.noun} set: nothing to change: give at least one option")
        url = self.entry_url(client, parsed_args.entry)
        entry = client.ask(url, method="PATCH", body=body).document
        return self.cells(entry)


class DeleteEntry(EntryCommand):
    """Delete an entry."""

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Delete the entry."""
        client = api(self.app)
        client.ask(self.entry_url(client, parsed_args.entry), method="DELETE")
        return 0


class ActOnEntry(EntryCommand, ShowCommand):
    """Perform the action that the verb names."""

    def take_action(self, parsed_args: argparse.Namespace) -> ColumnsAndValues:
        """Perform the action, and show the entry."""
        client = api(self.app)
        url = f"{self.entry_url(client, parsed_args.entry)}{self.verb}/"
        return self.cells(client.ask(url, method="POST").document)


VERBS: dict[str, tuple[type[ResourceCommand], str]] = {
    "list": (ListEntries, "List {2}."),
    "show": (ShowEntry, "Show {1} with all details."),
    "create": (CreateEntry, "Create {1}."),
    "set": (SetEntry, "Change {1}."),
    "delete": (DeleteEntry, "Delete {1}."),
    "close": (ActOnEntry, "Close {1}."),
    "acknowledge": (ActOnEntry, "Acknowledge {1}."),
}
