"""Help texts: options as sentences, also those of libraries, and a list of all commands."""

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from autopage.argparse import help_pager
from cliff._argparse import SmartHelpFormatter
from cliff.help import HelpExit

if TYPE_CHECKING:
    from openstats.cli.main import Openstats


class HelpFormatter(SmartHelpFormatter):
    """A formatter that makes help texts sentences, and metavars words in capitals."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        text = action.help
        if not text or text == argparse.SUPPRESS:
            return text
        return f"{text[0].upper()}{text[1:].rstrip('.')}."

    def _get_default_metavar_for_optional(self, action: argparse.Action) -> str:
        return action.dest.upper()

    def _metavar_formatter(self, action: argparse.Action, default_metavar: str) -> Any:
        if isinstance(action.metavar, str) and action.metavar.startswith("<"):
            action.metavar = action.metavar.strip("<>").upper()
        return super()._metavar_formatter(action, default_metavar)


def print_help(app: "Openstats") -> None:
    """Write the global options and the list of commands, with a pager on a terminal, and exit."""
    summaries = dict(_summaries(app))
    width = max(map(len, summaries))
    with help_pager(app.stdout) as out:
        app.parser.print_help(out)
        out.write("\nCommands:\n")
        out.writelines(f"  {name:<{width}}  {text}\n" for name, text in summaries.items())
    raise HelpExit


def _summaries(app: "Openstats") -> Iterator[tuple[str, str]]:
    for name, entry in sorted(app.command_manager):
        description = entry.load()(app, None).get_description()
        summary = description.split("\n")[0].rstrip(".")
        yield name, summary[:1].upper() + summary[1:]
