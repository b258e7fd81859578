"""``openstats stats``: the statistics as tables, by the same parameters as over HTTP."""

import argparse
from datetime import UTC, datetime
from typing import Any

from cliff.lister import Lister

from openstats.cli.main import OpenstatsCommand
from openstats.cli.tables import rows
from openstats.meters import AGGREGATES, BASES, USAGE_ITEMS

OPENSTACK = 1262304000
"""The first second of 2010: no cloud is older."""

COVERAGE = "X-Openstats-Coverage"
"""The header that every statistic has."""


def ask(app: Any, statistic: str, parameters: dict[str, Any]) -> Any:
    """Return a statistic's document; what is incomplete in it is said on standard error.

    Raises:
        OpenstatsError: with the sentences of the error document.
    """
    from openstats.cli.api import api, foreign

    query = [
        (name, "true" if value is True else value)
        for name, values in parameters.items()
        for value in (values if isinstance(values, list) else [values])
        if value not in (None, False)
    ]
    answer = api(app).ask(f"/api/stats/{statistic}/", query=query)
    if COVERAGE not in answer.headers:
        raise foreign(answer)
    _warn_of_early(app, parameters)
    _tell(app, answer.headers)
    return answer.document


def _warn_of_early(app: Any, parameters: dict[str, Any]) -> None:
    """Write of a time before OpenStack: digits that are meant as a date are Unix seconds."""
    from openstats.api.times import seconds

    for name in ("from", "to"):
        text = parameters.get(name)
        at = OPENSTACK if text is None else seconds(text, parameters.get("tz"))
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


def _spell(parser: argparse.ArgumentParser, *names: str, **options: Any) -> None:
    for name in names:
        parser.add_argument(f"--{name}", **options)


def _spell_page(parser: argparse.ArgumentParser) -> None:
    _spell(parser, "limit", type=int, help="with --each: at most so many objects")
    _spell(parser, "marker", help="with --each: the uuid of the last object of the page before")


def _spell_calendar(parser: argparse.ArgumentParser) -> None:
    _spell(parser, "interval", choices=["hour", "day", "month"], help="those of a calendar")
    _spell(parser, "tz", metavar="ZONE", help="whose calendar, and times without a zone")


def _of(entry: dict[str, Any]) -> dict[str, Any]:
    return {"uuid": entry["uuid"], "name": entry["name"]}


class Statistic(OpenstatsCommand):
    """What the statistics' commands have in common."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Say what the command takes."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument("--strict", action="store_true", help="fail if something is not known")
        return parser


class Resource(Statistic, Lister):
    """Show what is allocated in a cloud."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Say what the command takes."""
        parser = super().get_parser(prog_name)
        parser.add_argument("auth_url", help="the auth_url of a registered cloud")
        _spell(parser, "region", help="only this region of it")
        _spell(parser, "unlimited", choices=["skip"], help="leave unlimited members out of sums")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """Show the nine figures, in one row: cliff has no CSV for anything else."""
        names = "auth_url", "region", "unlimited", "strict"
        found = ask(self.app, "resource", {name: getattr(parsed_args, name) for name in names})
        return rows([found], parsed_args.formatter)


class Quota(Statistic, Lister):
    """Show limits and use, summed, or with --each by object."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Say what the command takes."""
        parser = super().get_parser(prog_name)
        _spell(parser, "aggregate", choices=AGGREGATES, help="what to sum by (default: customer)")
        _spell(
            parser, "uuid", action="append", default=[], help="only this object; may be repeated"
        )
        _spell(parser, "each", action="store_true", help="one row for each object")
        _spell_page(parser)
        _spell(parser, "unlimited", choices=["skip"], help="leave unlimited members out of sums")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """List the sums."""
        names = "aggregate", "uuid", "each", "limit", "marker", "unlimited", "strict"
        found = ask(self.app, "quota", {name: getattr(parsed_args, name) for name in names})
        return rows(found if parsed_args.each else [found], parsed_args.formatter)


class Customer(Statistic, Lister):
    """List the customers with their projects, groups and instances."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Say what the command takes."""
        parser = super().get_parser(prog_name)
        _spell(parser, "uuid", action="append", default=[], help="only this one; may be repeated")
        _spell(parser, "with", choices=["uuid"], dest="adding", help="add the uuid")
        _spell(parser, "limit", type=int, help="at most so many")
        _spell(parser, "marker", help="the uuid of the last customer of the page before")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """List the customers."""
        parameters = {"with": parsed_args.adding, "limit": parsed_args.limit}
        parameters |= {"uuid": parsed_args.uuid}
        parameters |= {"marker": parsed_args.marker, "strict": parsed_args.strict}
        return rows(ask(self.app, "customer", parameters), parsed_args.formatter)


class Usage(Statistic, Lister):
    """Show what customers, projects or groups used of CPU, memory or storage, by interval."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Say what the command takes."""
        parser = super().get_parser(prog_name)
        parser.add_argument("item", choices=USAGE_ITEMS, help="what was used")
        _spell(parser, "aggregate", choices=AGGREGATES, help="what to sum by (default: customer)")
        _spell(
            parser, "uuid", action="append", default=[], help="only this object; may be repeated"
        )
        _spell(parser, "from", "to", metavar="TIME", help="Unix seconds or ISO 8601")
        _spell(parser, "datapoints", type=int, help="how many intervals (default: 6)")
        _spell_calendar(parser)
        _spell(parser, "basis", choices=BASES, help="what is reserved, or what guests use")
        _spell(parser, "fill", choices=["null"], help="null where nothing is known, not 0")
        _spell(parser, "with", choices=["observed"], help="add which share of it was observed")
        _spell(parser, "deleted", action="store_true", help="also objects that were deleted")
        _spell(parser, "limit", type=int, help="at most so many objects")
        _spell(parser, "marker", help="the uuid of the last object of the page before")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """List the datapoints of each object."""
        names = "item aggregate uuid from to datapoints interval tz basis fill with limit marker"
        names += " deleted strict"
        found = ask(self.app, "usage", {n: getattr(parsed_args, n) for n in names.split()})
        listed = [{"name": of["name"]} | point for of in found for point in of["datapoints"]]
        return rows(listed, parsed_args.formatter)


class Alert(Statistic, Lister):
    """Count the alerts that were active, by severity."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Say what the command takes."""
        parser = super().get_parser(prog_name)
        _spell(parser, "from", "to", metavar="TIME", help="Unix seconds or ISO 8601")
        _spell(parser, "aggregate", choices=AGGREGATES, help="only what belongs to one of these")
        _spell(
            parser, "uuid", action="append", default=[], help="only this object; may be repeated"
        )
        _spell(parser, "each", action="store_true", help="one row for each object")
        _spell_page(parser)
        _spell_calendar(parser)
        _spell(parser, "deleted", action="store_true", help="with --each: also what was deleted")
        _spell(parser, "opened", "acknowledged", choices=["true", "false"], help="only if it is so")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """List the counts."""
        names = "from to aggregate uuid each limit marker interval tz deleted opened acknowledged"
        names += " strict"
        found = ask(self.app, "alert", {n: getattr(parsed_args, n) for n in names.split()})
        listed = found if isinstance(found, list) else [found]
        if parsed_args.each and parsed_args.interval:
            listed = [_of(entry) | point for entry in found for point in entry["datapoints"]]
        return rows(listed, parsed_args.formatter)


class CreationTime(Statistic, Lister):
    """Count the objects that were created in each interval."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Say what the command takes."""
        parser = super().get_parser(prog_name)
        parser.add_argument("type", choices=AGGREGATES, help="what to count")
        _spell(parser, "from", "to", metavar="TIME", help="Unix seconds or ISO 8601")
        _spell(parser, "datapoints", type=int, help="how many intervals (default: 6)")
        _spell_calendar(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """List the datapoints."""
        names = "type", "from", "to", "datapoints", "interval", "tz", "strict"
        found = ask(self.app, "creation-time", {name: getattr(parsed_args, name) for name in names})
        return rows(found, parsed_args.formatter)
