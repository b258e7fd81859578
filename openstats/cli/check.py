"""``openstats check``: tries everything that openstats needs."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from cliff.lister import Lister

from openstats.cli.main import OpenstatsCommand
from openstats.cli.tables import printable
from openstats.errors import (
    CloudError,
    ConfigError,
    OpenstatsError,
    RefusedError,
)

Line = tuple[str, str, str]
NO_RIGHT = "no right"
WARNING = "warning"
"""Of what works, and should not stay so: the exit status is 0."""


class Check(OpenstatsCommand, Lister):
    """Check the configuration, the store and each cloud: what answers, and which rights lack."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Say what the command takes."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            "clouds", nargs="*", metavar="CLOUD", help="only these entries of clouds.yaml"
        )
        parser.add_argument(
            "--timeout",
            type=float,
            default=120,
            metavar="SECONDS",
            help="how long the clouds may take, all at the same time (default: 120)",
        )
        # On a terminal only: elsewhere nothing is wrapped.
        parser.set_defaults(fit_width=True)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """List what was tried and what came of it."""
        self.failed = False
        cells = partial(printable, formatter=parsed_args.formatter)
        lines = [tuple(map(cells, line)) for line in self._lines(parsed_args)]
        return ("what", "state", "said"), lines

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Exit with 0 only if everything works."""
        return super().run(parsed_args) or int(self.failed)

    def _lines(self, parsed_args: argparse.Namespace) -> Iterator[Line]:
        configuration = self._line(
            "configuration",
            lambda: ", ".join(dict.fromkeys(self.app.conf.config_file or [])) or "defaults",
        )
        yield configuration
        if "ok" in configuration:
            yield from self._configuration()
        yield self._line("store", lambda: str(self.app.store))
        if "ok" in configuration and self.app.conf.api.auth_strategy == "keystone":
            yield from self._service_user()
        yield from self._clouds(parsed_args.clouds, parsed_args.timeout)

    def _configuration(self) -> Iterator[Line]:
        """List what is wrong in the files although it can be read, and the policy files."""
        from openstats.api import security
        from openstats.conf.problems import problems, warnings

        for sentence in problems(self.app.conf):
            self.failed = True
            yield "configuration", "failed", sentence
        for sentence in warnings(self.app.conf):
            yield "configuration", WARNING, sentence
        yield self._line(
            "policy", lambda: ", ".join(security.overridden(self.app.conf)) or "no rule is changed"
        )

    def _service_user(self) -> Iterator[Line]:
        from openstats.api import keystone
        from openstats.clouds import rights, service_user

        try:
            identity = keystone.identity(keystone.prepared(self.app.conf))
        except OpenstatsError as error:
            yield self._failure("API", error)
            return
        ask = rights.of_service_user(identity)
        for what in ("tokens", "groups"):
            tried = partial(getattr(service_user, what), identity)
            yield from self._trial(ask, f"API, {what}", f"API, {what}", tried)

    def _clouds(self, names: list[str], seconds: float) -> Iterator[Line]:
        from openstats.cli.check_clouds import LEFT_ASIDE, CloudCheck, lines_within
        from openstats.cli.clouds import clouds

        try:
            found = clouds(self.app.conf, names)
        except OpenstatsError as error:
            yield self._failure("clouds.yaml", error)
            return
        for name, fault in found.faults.items():
            yield self._failure(name, ConfigError(fault.reason))
        checks = [
            CloudCheck(name, connection, self.app.conf["usage"], self._trial)
            for name, connection in found.connections.items()
        ]
        # What an entry that is left aside does not see, is no fault.
        before = self.failed
        lines = list(lines_within(checks, seconds))
        self.failed = before or any(state not in ("ok", LEFT_ASIDE) for _, state, _ in lines)
        yield from lines

    def _trial(self, ask: Any, named: str, what: str, tried: Callable[[], str]) -> Iterator[Line]:
        """Give one line, or one for each right that is missing."""
        from openstats.clouds import rights

        found: list[rights.Right] = []
        try:
            line = named, "ok", tried()
            found = rights.missing(ask, what, quiet=True)
        except OpenstatsError as error:
            line = self._failure(named, error)
            if _may_be_a_right(error):
                with suppress(CloudError):
                    found = rights.missing(ask, what)
        self.failed |= bool(found)
        yield from [(named, NO_RIGHT, str(right)) for right in found] or [line]

    def _line(self, what: str, tried: Callable[[], str]) -> Line:
        try:
            return what, "ok", tried()
        except OpenstatsError as error:
            return self._failure(what, error)

    def _failure(self, what: str, error: OpenstatsError) -> Line:
        self.failed = True
        refused = isinstance(error, RefusedError) and "HTTP 403" in str(error)
        return what, NO_RIGHT if refused else "failed", str(error)


def _may_be_a_right(error: OpenstatsError) -> bool:
    """Tell whether a right explains it: a refusal, or an answer that lacks something."""
    return isinstance(error, RefusedError) or isinstance(error.__cause__, LookupError)
