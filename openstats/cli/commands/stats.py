"""``openstats stats``: the statistics as tables, with the same parameters as in the HTTP API."""

import argparse
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from openstats.cli import options
from openstats.cli.printing import ListCommand
from openstats.cli.tables import ColumnsAndRows, rows

if TYPE_CHECKING:
    from openstats.cli.main import Openstats
    from openstats.http.parameters.statistics import StatisticParameters

OPENSTACK = 1262304000
"""The first second of 2010, before which no OpenStack cloud existed."""

COVERAGE = "X-Openstats-Coverage"
"""The header with the coverage, which every statistic has."""

Arguments = dict[str, Any]
"""Arguments of the command line by the names of parameters in URLs; None means not given."""


def fetch_statistic(app: "Openstats", statistic: str, arguments: Arguments) -> Any:
    """Return the document of a statistic; warn on standard error if its figures are incomplete.

    Raises:
        OpenstatsError: the API answered with an error, or something else than openstats did.
    """
    from openstats.cli.api import api, foreign_error

    client = api(app)
    response = client.ask(f"/api/stats/{statistic}/", query=options.query(client, arguments))
    if COVERAGE not in response.headers:
        raise foreign_error(response)
    _warn_of_early(app, arguments)
    _warn_of_incomplete(app, response.headers[COVERAGE])
    return response.document


def _warn_of_early(app: "Openstats", arguments: Arguments) -> None:
    """Warn of a time before OpenStack, such as a date in digits, read as Unix seconds."""
    from openstats.http.parameters.times import unix_seconds

    for name in ("from", "to"):
        text = arguments.get(name)
        at = OPENSTACK if text is None else unix_seconds(text, arguments.get("tz"))
        if at < OPENSTACK:
            moment = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
            app.stderr.write(
                f"--{name} {text} is {moment}, before any OpenStack cloud: digits alone "
                "are Unix seconds; write dates as 2026-11-22.\n"
            )


def _warn_of_incomplete(app: "Openstats", coverage: str) -> None:
    """Warn if figures lack tenants or clouds; a coverage is like "tenants=2/3 clouds=1/1"."""
    for part in coverage.split():
        covered, _, total = part.partition("=")[2].partition("/")
        if covered != total:
            app.stderr.write(f"Incomplete: the figures cover {coverage}.\n")
            return


class StatisticCommand(ListCommand):
    """A command that prints a statistic."""

    name: ClassVar[str]

    @property
    def parameters(self) -> "type[StatisticParameters]":
        """The model of the statistic's parameters."""
        from openstats.api.routes import STATISTICS

        return next(row.parameters for row in STATISTICS if row.name == self.name)

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser, with an option for each parameter."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        options.add_parameters(parser, self.parameters)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> ColumnsAndRows:
        """Return the figures as rows; a single sum is one row, since cliff's CSV needs a list."""
        names = options.parameters(self.parameters)
        arguments = {name: getattr(parsed_args, name) for name in names}
        document = fetch_statistic(self.app, self.name, arguments)
        entries = document if isinstance(document, list) else [document]
        return rows(self.columns(arguments), _flat(entries))

    @abstractmethod
    def columns(self, arguments: Arguments) -> list[str]:
        """Return the columns, which depend on the arguments."""


def _flat(entries: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, object]]:
    """Yield a row for each entry, or for each of its datapoints if it has any."""
    for entry in entries:
        for point in entry.get("datapoints", [{}]):
            yield entry | point


def _added(arguments: Arguments, *names: str) -> list[str]:
    """Return those of the names that ``with`` requests."""
    return [name for name in names if name in (arguments["with"] or "").split(",")]


class ShowResource(StatisticCommand):
    """Show capacity, allocation and quota sums of a cloud."""

    name = "resource"

    def columns(self, arguments: Arguments) -> list[str]:
        """Return the names of the nine figures."""
        from openstats.api.statistics.resource import FIGURES

        return list(FIGURES)


class ShowQuota(StatisticCommand):
    """Show quota limits and use: one sum, or with --each a list."""

    name = "quota"

    def columns(self, arguments: Arguments) -> list[str]:
        """Return the names of the eight figures; with --each, also those of the object."""
        from openstats.api.statistics.quota import FIGURES

        names = ["uuid", "name"] if arguments["each"] else []
        return [*names, *FIGURES]


class ShowCustomer(StatisticCommand):
    """Show projects, groups and instances of each customer."""

    name = "customer"

    def columns(self, arguments: Arguments) -> list[str]:
        """Return the columns of a customer."""
        return [*_added(arguments, "uuid"), "name", "projects", "project_groups", "instances"]


class ShowUsage(StatisticCommand):
    """Show CPU, memory or storage used in each interval."""

    name = "usage"

    def columns(self, arguments: Arguments) -> list[str]:
        """Return the columns of a datapoint of an object."""
        columns = [*_added(arguments, "uuid"), "name"]
        if "uuid" in columns and arguments["aggregate"] not in (None, "customer"):
            columns.append("customer")
        return [*columns, "from", "to", "value", *_added(arguments, "observed")]


class ShowAlert(StatisticCommand):
    """Show the number of active alerts by severity."""

    name = "alert"

    def columns(self, arguments: Arguments) -> list[str]:
        """Return the severities, after the columns of the object and the interval if requested."""
        from openstats.api.statistics.alert import FIGURES

        names = ["uuid", "name"] if arguments["each"] else []
        times = ["from", "to"] if arguments["interval"] else []
        return [*names, *times, *FIGURES]


class ShowCreationTime(StatisticCommand):
    """Show the number of objects created in each interval."""

    name = "creation-time"

    def columns(self, arguments: Arguments) -> list[str]:
        """Return the columns of a datapoint."""
        return ["from", "to", "value"]
