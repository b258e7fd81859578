"""The help of ``openstats`` itself: its global options, and every command in a line."""

from collections.abc import Iterator
from typing import Any

from autopage.argparse import help_pager
from cliff.help import HelpExit


def print_help(app: Any) -> None:
    """Write the global options and the list of commands, page by page on a terminal, and exit."""
    summaries = dict(_summaries(app))
    width = max(map(len, summaries))
    with help_pager(app.stdout) as out:
        app.parser.print_help(out)
        out.write("\nCommands:\n")
        out.writelines(f"  {name:<{width}}  {text}\n" for name, text in summaries.items())
    raise HelpExit


def _summaries(app: Any) -> Iterator[tuple[str, str]]:
    for name, entry in sorted(app.command_manager):
        description = entry.load()(app, None).get_description()
        yield name, description.split("\n")[0].rstrip(".")
