"""``openstats stats``: the statistics as tables, by the same parameters as over HTTP."""

import argparse
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from openstats.cli import options
from openstats.cli.printing import Listing
from openstats.cli.tables import Rows, rows

OPENSTACK = 1262304000
"""The first second of 2010: no cloud is older."""

COVERAGE = "X-Openstats-Coverage"
"""The header that every statistic has."""

Given = dict[str, Any]
"""Parameters by their names in URLs; None where they are not given."""


def ask(app: Any, statistic: str, given: Given) -> Any:
    """Return a statistic's document; what is incomplete in it is said on standard error.

    Raises:
        OpenstatsError: with the sentences of the error document.
    """
    from openstats.cli.api import api, foreign

    client = api(app)
    answer = client.ask(f"/api/stats/{statistic}/", query=options.query(client, given))
    if COVERAGE not in answer.headers:
        raise foreign(answer)
    _warn_of_early(app, given)
    _tell(app, answer.headers)
    return answer.document


def _warn_of_early(app: Any, given: Given) -> None:
    """Write of a time before OpenStack: digits that are meant as a date are Unix seconds."""
    from openstats.http.times import seconds

    for name in ("from", "to"):
        text = given.get(name)
        at = OPENSTACK if text is None else seconds(text, given.get("tz"))
        if at < OPENSTACK:
            moment = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
            app.stderr.write(
                f"--{name} {text} is {moment}, before OpenStack: digits are Unix "
                "seconds, dates are written as 2026-11-22.\n"
            )


def _tell(app: Any, headers: Any) -> None:
    coverage = headers[COVERAGE]
    parts = [part.partition("=")[2].split("/") for part in coverage.split()]
    if any(known != wanted for known, wanted in parts):
        app.stderr.write(f"Not everything is known: {coverage}.\n")


class Statistic(Listing):
    """What the statistics' commands have in common."""

    name: ClassVar[str]

    @property
    def parameters(self) -> Any:
        """The model of what the statistic takes."""
        from openstats.api.routes import STATISTICS

        return next(each for each in STATISTICS if each.name == self.name).parameters

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser, with an option for each parameter."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        options.add_parameters(parser, self.parameters)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Rows:
        """List the figures: one row of a single sum, for cliff has no CSV of anything else."""
        given = {name: getattr(parsed_args, name) for name in options.parameters(self.parameters)}
        document = ask(self.app, self.name, given)
        listed = document if isinstance(document, list) else [document]
        return rows(self.columns(given), _flat(listed))

    @abstractmethod
    def columns(self, given: Given) -> list[str]:
        """Return the columns, which follow from what was asked for."""


def _flat(document: list[Any]) -> Iterator[Mapping[str, Any]]:
    """Return a row for each entry, or for each of its datapoints where it has some."""
    for entry in document:
        for point in entry.get("datapoints", [{}]):
            yield entry | point


def _added(given: Given, *names: str) -> list[str]:
    """Return which of some columns ``with`` asks for."""
    return [name for name in names if name in (given["with"] or "").split(",")]


class Resource(Statistic):
    """Show what is allocated in a cloud."""

    name = "resource"

    def columns(self, given: Given) -> list[str]:
        """Return the nine figures."""
        from openstats.api.statistics.resource import FIGURES

        return list(FIGURES)


class Quota(Statistic):
    """Show limits and use, summed, or with --each by object."""

    name = "quota"

    def columns(self, given: Given) -> list[str]:
        """Return the eight figures."""
        from openstats.api.statistics.quota import FIGURES

        return [*(("uuid", "name") if given["each"] else ()), *FIGURES]


class Customer(Statistic):
    """List the customers with their projects, groups and instances."""

    name = "customer"

    def columns(self, given: Given) -> list[str]:
        """Return the numbers of one customer."""
        return [*_added(given, "uuid"), "name", "projects", "project_groups", "instances"]


class Usage(Statistic):
    """Show what customers, projects or groups used of CPU, memory or storage, by interval."""

    name = "usage"

    def columns(self, given: Given) -> list[str]:
        """Return those of one datapoint of an object."""
        uuid = _added(given, "uuid")
        owner = ["customer"] if uuid and given["aggregate"] not in (None, "customer") else []
        return [*uuid, "name", *owner, "from", "to", "value", *_added(given, "observed")]


class Alert(Statistic):
    """Count the alerts that were active, by severity."""

    name = "alert"

    def columns(self, given: Given) -> list[str]:
        """Return the severities, of an object, or of an interval, or of both."""
        from openstats.api.statistics.alert import FIGURES

        each = ("uuid", "name") if given["each"] else ()
        return [*each, *(("from", "to") if given["interval"] else ()), *FIGURES]


class CreationTime(Statistic):
    """Count the objects that were created in each interval."""

    name = "creation-time"

    def columns(self, given: Given) -> list[str]:
        """Return those of one datapoint."""
        return ["from", "to", "value"]
