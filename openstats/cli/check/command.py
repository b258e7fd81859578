"""``openstats check``: tries everything that openstats needs."""

import argparse
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from cliff.lister import Lister

from openstats.cli.check.lines import (
    FAILED,
    HARMLESS,
    NO_RIGHT,
    OK,
    WARNING,
    Attempt,
    Doubt,
    Line,
    not_tried,
)
from openstats.cli.main import OpenstatsCommand
from openstats.cli.tables import printable
from openstats.errors import (
    CloudError,
    ConfigError,
    OpenstatsError,
    RefusedError,
    ServiceMissingError,
)


class Check(OpenstatsCommand, Lister):
    """Check the configuration, the store and every cloud; report missing permissions."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the command's arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            "clouds",
            nargs="*",
            metavar="CLOUD",
            help="entries of clouds.yaml to check, or ENTRY:REGION (default: those configured)",
        )
        parser.add_argument(
            "--timeout",
            type=float,
            default=120,
            metavar="SECONDS",
            help="maximum time for all clouds, which are checked in parallel (default: 120)",
        )
        # On a terminal only: elsewhere nothing is wrapped.
        parser.set_defaults(fit_width=True)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """List what was tried and what came of it."""
        from openstats.cli import logs

        if not self.app.options.verbose_level:
            logs.quiet()
        lines = list(self._lines(parsed_args))
        self.failed = any(line.status not in HARMLESS for line in lines)
        cells = partial(printable, formatter=parsed_args.formatter)
        return Line._fields, [tuple(map(cells, line)) for line in lines]

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Exit with 0 only if everything works."""
        self.failed = False
        return super().run(parsed_args) or int(self.failed)

    def _lines(self, parsed_args: argparse.Namespace) -> Iterator[Line]:
        from openstats.cli.check import configuration

        try:
            conf = self.app.conf
        except ConfigError as error:
            for sentence in error.problems:
                yield Line(configuration.CONFIGURATION, FAILED, sentence)
            for what in (configuration.POLICY, "store", "clouds.yaml"):
                yield not_tried(what, configuration.CONFIGURATION)
            return
        yield from configuration.lines(conf)
        yield attempted("store", lambda: str(self.app.store))
        yield from configuration.unknown_clouds(conf, self._cloud_names())
        yield from self._asked(parsed_args)

    def _cloud_names(self) -> set[str] | None:
        """Return the names of all clouds; None where they cannot be known."""
        from openstats.clouds.clouds_yaml.entries import cloud_names
        from openstats.storage.registry import clouds

        try:
            with self.app.store.read() as db:
                registered = {cloud.name for cloud in clouds.clouds(db)}
            return registered | set(cloud_names(self.app.conf.clouds.file))
        except OpenstatsError:
            return None

    def _asked(self, parsed_args: argparse.Namespace) -> Iterator[Line]:
        """Yield the lines of all that is asked over the network, at the same time."""
        from openstats.cli.assembly import checked_clouds
        from openstats.cli.check.api import ApiCheck
        from openstats.cli.check.clouds import CloudCheck, lines_within

        conf = self.app.conf
        checks: list[Any] = []
        if conf.api.auth_strategy == "keystone":
            checks.append(ApiCheck(conf, trial))
        try:
            found = checked_clouds(conf, parsed_args.clouds)
        except OpenstatsError as error:
            yield from lines_within(checks, parsed_args.timeout)
            yield failure("clouds.yaml", error)
            return
        faults = [failure(name, ConfigError(each.reason)) for name, each in found.faults.items()]
        checks += [
            CloudCheck(name, connection, conf["usage"], trial)
            for name, connection in found.connections.items()
        ]
        yield from lines_within(checks, parsed_args.timeout)
        yield from faults


def trial(ask: Any, named: str, what: str, attempt: Attempt) -> Iterator[Line]:
    """Yield one line, or one for each right that is missing."""
    from openstats.clouds import rights

    missing: list[rights.Right] = []
    try:
        line = _succeeded(named, attempt())
        # A cloud may lack a service whose rights nobody needs then.
        with suppress(ServiceMissingError):
            missing = rights.missing(ask, what, quiet=True)
    except OpenstatsError as error:
        line = failure(named, error)
        if _may_be_a_right(error):
            with suppress(CloudError):
                missing = rights.missing(ask, what)
    yield from [Line(named, NO_RIGHT, str(right)) for right in missing] or [line]


def attempted(what: str, attempt: Attempt) -> Line:
    """Return the line of an attempt that needs no right."""
    try:
        return _succeeded(what, attempt())
    except OpenstatsError as error:
        return failure(what, error)


def _succeeded(what: str, words: str) -> Line:
    return Line(what, WARNING if isinstance(words, Doubt) else OK, str(words))


def failure(what: str, error: OpenstatsError) -> Line:
    """Return the line of what failed."""
    refused = isinstance(error, RefusedError) and "HTTP 403" in str(error)
    return Line(what, NO_RIGHT if refused else FAILED, str(error))


def _may_be_a_right(error: OpenstatsError) -> bool:
    """Return whether a right explains it: a refusal, or an answer that lacks something."""
    return isinstance(error, RefusedError) or isinstance(error.__cause__, LookupError)
