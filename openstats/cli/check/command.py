"""The command ``openstats check``, which tries everything that openstats needs."""

import argparse
from collections.abc import Collection, Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from cliff.lister import Lister

from openstats.cli.check.lines import (
    FAILED,
    HARMLESS,
    NO_RIGHT,
    OK,
    WARNING,
    Attempt,
    DoubtfulDetail,
    Line,
    skipped_line,
)
from openstats.cli.main import OpenstatsCommand
from openstats.cli.tables import ColumnsAndRows, printable
from openstats.errors import (
    CloudError,
    ConfigError,
    OpenstatsError,
    RefusedError,
    ServiceMissingError,
)

if TYPE_CHECKING:
    from openstats.clouds.missing_rights import Probe


class Check(OpenstatsCommand, Lister):
    """Check the configuration, the store and every cloud.

    Report what fails, and missing permissions.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the command's arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            "clouds",
            nargs="*",
            metavar="CLOUD",
            help="Entries of clouds.yaml to check, or ENTRY:REGION. Default: those configured.",
        )
        parser.add_argument(
            "--timeout",
            type=float,
            default=120,
            metavar="SECONDS",
            help="Maximum time for all clouds, which are checked in parallel. Default: 120.",
        )
        # This affects terminals only: other output is never wrapped.
        parser.set_defaults(fit_width=True)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> ColumnsAndRows:
        """Return the table: each check with its status and detail."""
        from openstats import logs

        if not self.app.options.verbose_level:
            logs.silence()
        lines = list(self._lines(parsed_args))
        self.failed = any(line.status not in HARMLESS for line in lines)
        cells = partial(printable, formatter=parsed_args.formatter)
        return Line._fields, [list(map(cells, line)) for line in lines]

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; return 0 only if everything works."""
        self.failed = False
        return super().run(parsed_args) or int(self.failed)

    def _lines(self, parsed_args: argparse.Namespace) -> Iterator[Line]:
        from openstats.cli.check import configuration

        try:
            conf = self.app.conf
        except ConfigError as error:
            for sentence in error.problems:
                yield Line(configuration.CONFIGURATION, FAILED, sentence)
            for check in (configuration.POLICY, "store", "clouds.yaml"):
                yield skipped_line(check, configuration.CONFIGURATION)
            return
        yield from configuration.lines(conf)
        yield attempt_line("store", lambda: str(self.app.store))
        yield from configuration.unknown_clouds(conf, self._cloud_names())
        yield from self._network(parsed_args)

    def _cloud_names(self) -> set[str] | None:
        """Return the names of all clouds; None if they cannot be read."""
        from openstats.clouds.clouds_yaml.entries import cloud_names
        from openstats.storage.registry import clouds

        try:
            with self.app.store.read() as db:
                registered = {cloud.name for cloud in clouds.clouds(db)}
            return registered | set(cloud_names(self.app.conf.clouds.file))
        except OpenstatsError:
            return None

    def _network(self, parsed_args: argparse.Namespace) -> Iterator[Line]:
        """Yield the lines of all checks over the network, which run in parallel."""
        from openstats.cli.assembly import checked_clouds
        from openstats.cli.check.api import ApiCheck
        from openstats.cli.check.clouds import CloudCheck, lines_within

        conf = self.app.conf
        checks: list[ApiCheck | CloudCheck] = []
        if conf.api.auth_strategy == "keystone":
            checks.append(ApiCheck(conf, trial))
        try:
            clouds = checked_clouds(conf, parsed_args.clouds)
        except OpenstatsError as error:
            yield from lines_within(checks, parsed_args.timeout)
            yield failed_line("clouds.yaml", error)
            return
        max_diagnostics = conf["usage"].diagnostics_max_instances
        for name, connection in clouds.connections.items():
            checks.append(CloudCheck(name, connection, max_diagnostics, trial))
        lines = [*lines_within(checks, parsed_args.timeout)]
        failed = {line.check.rpartition(": ")[0] for line in lines if line.status not in HARMLESS}
        yield from lines
        yield from self._last_errors(clouds.connections.keys() - failed)
        for name, fault in clouds.faults.items():
            yield failed_line(name, ConfigError(fault.reason))

    def _last_errors(self, clouds: Collection[str]) -> Iterator[Line]:
        """Yield a warning for each job of these clouds whose last poll failed.

        The poll may have found problems that no single call shows, such as contradictory lists.
        """
        from openstats.storage import jobs

        try:
            with self.app.store.read() as db:
                outcomes = jobs.outcomes(db)
        except OpenstatsError:
            return
        for outcome in outcomes:
            if outcome.error and outcome.cloud in clouds:
                yield Line(f"{outcome.cloud}: last poll, {outcome.kind}", WARNING, outcome.error)


def trial(ask: "Probe", check: str, step: str, attempt: Attempt) -> Iterator[Line]:
    """Run an attempt; yield its line, or one for each missing right."""
    from openstats.clouds import missing_rights
    from openstats.clouds.rights import Right

    missing: list[Right] = []
    try:
        line = _success(check, attempt())
        # If the cloud lacks a service, the rights for it are not needed.
        with suppress(ServiceMissingError):
            missing = missing_rights.find_missing(ask, step, quiet=True)
    except OpenstatsError as error:
        line = failed_line(check, error)
        if _may_be_a_right(error):
            with suppress(CloudError):
                missing = missing_rights.find_missing(ask, step)
    for right in missing:
        yield Line(check, NO_RIGHT, str(right))
    if not missing:
        yield line


def attempt_line(check: str, attempt: Attempt) -> Line:
    """Run an attempt that needs no rights, and return its line."""
    try:
        return _success(check, attempt())
    except OpenstatsError as error:
        return failed_line(check, error)


def _success(check: str, detail: str) -> Line:
    is_doubtful = isinstance(detail, DoubtfulDetail)
    return Line(check, WARNING if is_doubtful else OK, str(detail))


def failed_line(check: str, error: OpenstatsError) -> Line:
    """Return the line of a check that failed."""
    is_refusal = isinstance(error, RefusedError) and "HTTP 403" in str(error)
    return Line(check, NO_RIGHT if is_refusal else FAILED, str(error))


def _may_be_a_right(error: OpenstatsError) -> bool:
    """Return whether a missing right may explain an error: a refusal, or an incomplete response."""
    return isinstance(error, RefusedError) or isinstance(error.__cause__, LookupError)
