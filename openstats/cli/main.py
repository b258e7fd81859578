"""``openstats``: the global options, and the application object that all commands share."""

import argparse
import os
import sys
import traceback
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING

from cliff.app import App
from cliff.command import Command
from cliff.commandmanager import CommandManager

from openstats import __version__
from openstats.cli.help import HelpFormatter, print_help
from openstats.errors import ConfigError, OpenstatsError
from openstats.names import escaped

if TYPE_CHECKING:
    from oslo_config import cfg

    from openstats.storage.store import Store


BESIDE_SERVER = (
    "--url (OPENSTATS_URL) is set, but this command works on the store, not on a server: "
    "run it without --url, on a machine that reaches the store"
)
NEAR = 0.7
"""Similarity at which a command is proposed for a misspelt one, from 0 to 1."""


class Openstats(App):
    """The command line of openstats: global options, configuration and store."""

    NAME = "openstats"
    # Commands print only their results, unless --verbose is given.
    DEFAULT_VERBOSE_LEVEL = 0

    def __init__(self) -> None:
        from openstats.cli.commands import entries

        super().__init__(
            description="Statistics of OpenStack clouds by customer, project and project group.",
            version=__version__,
            command_manager=CommandManager("openstats.commands"),
            deferred_help=True,
        )
        for name, command in entries.commands():
            self.command_manager.add_command(name, command)

    def build_option_parser(
        self,
        description: str | None,
        version: str | None,
        argparse_kwargs: dict[str, object] | None = None,
    ) -> argparse.ArgumentParser:
        """Return the parser of cliff's global options and openstats' own."""
        parser: argparse.ArgumentParser = super().build_option_parser(
            # A command's option must not count as an abbreviated global one: --to as --token.
            description,
            version,
            {"prog": "openstats", "allow_abbrev": False, "formatter_class": HelpFormatter}
            | (argparse_kwargs or {}),
        )
        _add_configuration_options(parser)
        _add_server_options(parser)
        return parser

    @cached_property
    def conf(self) -> "cfg.ConfigOpts":
        """The configuration."""
        from oslo_config import cfg

        from openstats import conf

        options = self.options
        log = {"log_file": options.log_file, "debug": options.debug or None}
        try:
            return conf.load(options.config_file, directories=options.config_dir, **log)
        except cfg.Error as error:
            raise ConfigError(*getattr(error, "sentences", [str(error)])) from error

    @cached_property
    def store(self) -> "Store":
        """The store, after a check of its schema."""
        store = self.open_store()
        store.check()
        return store

    def open_store(self, *, requests: bool = False, patient: bool = False) -> "Store":
        """Return the store that [database] names, without a check of its schema.

        ``requests`` sets the timeouts of requests, instead of those of the collector. ``patient``
        removes the limit on the time of one use.

        Raises:
            ConfigError: --url is set.
        """
        if self.options.url:
            raise ConfigError(BESIDE_SERVER)

        from openstats.wsgi.stores import open_store

        return open_store(self.conf, requests=requests, patient=patient)

    def configure_logging(self) -> None:
        """Set up cliff's logging to standard error only; oslo.log writes to --log-file."""
        log_file, self.options.log_file = self.options.log_file, None
        super().configure_logging()
        self.options.log_file = log_file

    def print_help_if_requested(self) -> None:
        """Print the help and exit, if it was requested without a command."""
        if self.options.deferred_help:
            print_help(self)

    def interact(self) -> None:
        """Print the help and exit, since there is no interactive mode."""
        print_help(self)

    def get_fuzzy_matches(self, cmd: str) -> list[str]:
        """Return the commands that begin with a word, or whose first word is similar to it."""
        names = sorted(name for name, _ in self.command_manager)
        near = get_close_matches(cmd, {name.split()[0] for name in names}, cutoff=NEAR)
        return [name for name in names if name.startswith(cmd) or name.split()[0] in near]

    def run_subcommand(self, argv: list[str]) -> int:
        """Run a command, and return its exit status; print an OpenstatsError as a sentence."""
        try:
            return int(super().run_subcommand(argv) or 0)
        except OpenstatsError as error:
            return self.say_error(error)

    def say_error(self, error: OpenstatsError) -> int:
        """Write an error to standard error, one line for each problem, and return 1.

        With --debug, the traceback comes first.
        """
        if self.options.debug:
            traceback.print_exception(error, file=self.stderr)
        problems = error.problems if isinstance(error, ConfigError) else [str(error)]
        for problem in problems:
            self.stderr.write(f"openstats: {escaped(' '.join(problem.split()))}\n")
        return 1


def _add_configuration_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config-file",
        action="append",
        default=[],
        metavar="FILE",
        help="Configuration file to read instead of openstats.conf in ~/.openstats/, ~/, "
        "/etc/openstats/ or /etc/. May be repeated.",
    )
    parser.add_argument(
        "--config-dir",
        action="append",
        default=[],
        metavar="DIRECTORY",
        help="Directory whose *.conf files are read after the configuration files, in order of "
        "name. May be repeated.",
    )


def _add_server_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--url",
        default=os.environ.get("OPENSTATS_URL"),
        help="URL of a server to ask instead of the store. Default: the environment variable "
        "OPENSTATS_URL.",
    )
    parser.add_argument(
        "--token",
        default=os.environ.get("OPENSTATS_TOKEN"),
        help="Keystone token for that server. Other users can see command lines, so prefer the "
        "environment variable OPENSTATS_TOKEN.",
    )


class OpenstatsCommand(Command):
    """The base of all commands; prints every error as a sentence."""

    app: Openstats
    logs_itself = False
    """Whether the command sets up logging itself, as services and polls do."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the command's arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.formatter_class = HelpFormatter
        return parser

    def get_epilog(self) -> str:
        """Return no epilog; that of cliff names the plugin of the command."""
        return ""

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command."""
        try:
            if self.app.options.log_file and not self.logs_itself:
                from openstats import logs

                logs.set_up_command(self.app.conf)
            return int(super().run(parsed_args) or 0)
        except OpenstatsError as error:
            return self.app.say_error(error)
        except BrokenPipeError:
            raise
        except Exception as error:
            # Left to cliff, it would go to a logger, which may be silent.
            defect = OpenstatsError(f"a defect of openstats: {error!r}. --debug prints where it is")
            defect.__cause__ = error
            return self.app.say_error(defect)


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    return int(Openstats().run(sys.argv[1:] if argv is None else argv))


if __name__ == "__main__":
    sys.exit(main())
