"""``openstats stats``: the statistics as tables, by the same parameters as over HTTP."""

import argparse
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from openstats.cli import options
from openstats.cli.printing import ListCommand
from openstats.cli.tables import Rows, rows

if TYPE_CHECKING:
    from openstats.cli.main import Openstats
    from openstats.http.parameters import StatisticParameters

OPENSTACK = 1262304000
"""The first second of 2010: no cloud is older."""

COVERAGE = "X-Openstats-Coverage"
"""The header that every statistic has."""

Arguments = dict[str, Any]
"""Values of the command line by the names of parameters in URLs; None: not given."""


def ask(app: "Openstats", statistic: str, arguments: Arguments) -> Any:
    """Return a statistic's document; what is incomplete in it is said on standard error.

    Raises:
        OpenstatsError: with the sentences of the error document.
    """
    from openstats.cli.api import api, foreign

    client = api(app)
    response = client.ask(f"/api/stats/{statistic}/", query=options.query(client, arguments))
    if COVERAGE not in response.headers:
        raise foreign(response)
    _warn_of_early(app, arguments)
    _warn_of_incomplete(app, response.headers[COVERAGE])
    return response.document


def _warn_of_early(app: "Openstats", arguments: Arguments) -> None:
    """Write of a time before OpenStack: digits that are meant as a date are Unix seconds."""
    from openstats.http.times import unix_seconds

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
    """Write of figures that lack some tenants or clouds, as "tenants=2/3 clouds=1/1" says."""
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
        """The model of what the statistic takes."""
        from openstats.api.routes import STATISTICS

        return next(row.parameters for row in STATISTICS if row.name == self.name)

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser, with an option for each parameter."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        options.add_parameters(parser, self.parameters)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Rows:
        """List the figures: one row of a single sum, for cliff has no CSV of anything else."""
        names = options.parameters(self.parameters)
        arguments = {name: getattr(parsed_args, name) for name in names}
        document = ask(self.app, self.name, arguments)
        entries = document if isinstance(document, list) else [document]
        return rows(self.columns(arguments), _flat(entries))

    @abstractmethod
    def columns(self, arguments: Arguments) -> list[str]:
        """Return the columns, which follow from what was asked for."""


def _flat(entries: list[Any]) -> Iterator[Mapping[str, Any]]:
    """Yield a row for each entry, or for each of its datapoints where it has some."""
    for entry in entries:
        for point in entry.get("datapoints", [{}]):
            yield entry | point


def _added(arguments: Arguments, *names: str) -> list[str]:
    """Return which of some columns ``with`` asks for."""
    return [name for name in names if name in (arguments["with"] or "").split(",")]


class ShowResource(StatisticCommand):
    """Show capacity, allocation and quota sums of a cloud."""

    name = "resource"

    def columns(self, arguments: Arguments) -> list[str]:
        """Return the nine figures."""
        from openstats.api.statistics.resource import FIGURES

        return list(FIGURES)


class ShowQuota(StatisticCommand):
    """Show quota limits and use: one sum, or with --each a list."""

    name = "quota"

    def columns(self, arguments: Arguments) -> list[str]:
        """Return the eight figures."""
        from openstats.api.statistics.quota import FIGURES

        names = ["uuid", "name"] if arguments["each"] else []
        return [*names, *FIGURES]


class ShowCustomer(StatisticCommand):
    """Show projects, groups and instances of each customer."""

    name = "customer"

    def columns(self, arguments: Arguments) -> list[str]:
        """Return the numbers of one customer."""
        return [*_added(arguments, "uuid"), "name", "projects", "project_groups", "instances"]


class ShowUsage(StatisticCommand):
    """Show CPU, memory or storage used in each interval."""

    name = "usage"

    def columns(self, arguments: Arguments) -> list[str]:
        """Return those of one datapoint of an object."""
        columns = [*_added(arguments, "uuid"), "name"]
        if "uuid" in columns and arguments["aggregate"] not in (None, "customer"):
            columns.append("customer")
        return [*columns, "from", "to", "value", *_added(arguments, "observed")]


class ShowAlert(StatisticCommand):
    """Show the number of active alerts by severity."""

    name = "alert"

    def columns(self, arguments: Arguments) -> list[str]:
        """Return the severities, of an object, or of an interval, or of both."""
        from openstats.api.statistics.alert import FIGURES

        names = ["uuid", "name"] if arguments["each"] else []
        times = ["from", "to"] if arguments["interval"] else []
        return [*names, *times, *FIGURES]


class ShowCreationTime(StatisticCommand):
    """Show the number of objects created in each interval."""

    name = "creation-time"

    def columns(self, arguments: Arguments) -> list[str]:
        """Return those of one datapoint."""
        return ["from", "to", "value"]
