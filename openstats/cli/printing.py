"""Output of commands that list or show: cliff's formatters, with a table that fits terminals."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

import prettytable
from cliff.formatters.table import TableFormatter
from cliff.lister import Lister
from cliff.show import ShowOne
from cliff.utils import terminal_width

from openstats.cli.main import OpenstatsCommand
from openstats.cli.tables import TABLE, cell

MIN_WIDTH = 8
"""Minimum width of a text column, in characters."""

SILENT = (TABLE, "value")
"""Formatters that print nothing for an empty list."""


class Table(TableFormatter):
    """A table that fits the terminal: texts are wrapped, numbers are aligned right and never split.

    If it still does not fit, each row becomes a table of its own, with a line for each column.
    """

    def emit_list(
        self,
        column_names: Sequence[str],
        data: Iterable[Sequence[object]],
        stdout: TextIO,
        parsed_args: argparse.Namespace,
    ) -> None:
        """Write a table of rows."""
        rows = [list(row) for row in data]
        if not rows and not parsed_args.print_empty:
            return
        table = prettytable.PrettyTable(column_names)
        table.add_rows(rows)
        min_widths = {}
        for column, name in enumerate(column_names):
            is_numeric = _are_numbers([row[column] for row in rows])
            table.align[name] = "r" if is_numeric else "l"
            min_widths[name] = sys.maxsize if is_numeric else max(MIN_WIDTH, len(name))
        if _fit(table, min_widths, _width(parsed_args)):
            stdout.write(f"{table.get_string()}\n")
            return
        for row in rows:
            self.emit_one(column_names, row, stdout, parsed_args)

    def emit_one(
        self,
        column_names: Sequence[str],
        data: Sequence[object],
        stdout: TextIO,
        parsed_args: argparse.Namespace,
    ) -> None:
        """Write one entry, a line for each column."""
        table = prettytable.PrettyTable(("Field", "Value"))
        table.align = "l"
        table.add_rows([[name, value] for name, value in zip(column_names, data, strict=True)])
        _fit(table, {"Field": sys.maxsize, "Value": MIN_WIDTH}, _width(parsed_args))
        stdout.write(f"{table.get_string()}\n")


def _are_numbers(values: Sequence[object]) -> bool:
    """Return whether the values are numbers, apart from empty ones."""
    kinds = {type(value) for value in values if value != ""}
    return bool(kinds) and kinds <= {int, float}


def _width(parsed_args: argparse.Namespace) -> int | None:
    if parsed_args.max_width > 0:
        return int(parsed_args.max_width)
    return terminal_width() if sys.stdout.isatty() or parsed_args.fit_width else None


def _fit(table: prettytable.PrettyTable, min_widths: dict[str, int], width: int | None) -> bool:
    """Reduce the widths of columns, at most to ``min_widths``; return whether the table fits."""
    names = table.field_names
    border = table.get_string().split("\n", 1)[0]
    widths = {n: len(part) - 2 for n, part in zip(names, border.split("+")[1:-1], strict=True)}
    while width is not None and sum(widths.values()) + 3 * len(names) + 1 > width:
        wide = [name for name in names if widths[name] > min_widths[name]]
        if not wide:
            return False
        widths[max(wide, key=widths.__getitem__)] -= 1
    table.max_width.update(widths)
    return True


class Printer:
    """A wrapper of cliff's formatters that escapes cells, and makes those of tables readable."""

    def __init__(self, name: str, formatter: Any) -> None:
        self.name = name
        self.formatter = Table() if name == TABLE else formatter

    def add_argument_group(self, parser: argparse.ArgumentParser) -> None:
        """Add the formatter's own options."""
        self.formatter.add_argument_group(parser)

    def emit_list(
        self,
        column_names: Sequence[str],
        data: Iterable[Sequence[object]],
        stdout: TextIO,
        parsed_args: argparse.Namespace,
    ) -> None:
        """Write rows."""
        rows = [self._cells(column_names, row) for row in data]
        self.formatter.emit_list(column_names, rows, stdout, parsed_args)

    def emit_one(
        self,
        column_names: Sequence[str],
        data: Sequence[object],
        stdout: TextIO,
        parsed_args: argparse.Namespace,
    ) -> None:
        """Write one entry."""
        cells = self._cells(column_names, data)
        self.formatter.emit_one(column_names, cells, stdout, parsed_args)

    def _cells(self, names: Sequence[str], values: Sequence[object]) -> list[object]:
        return [cell(name, value, self.name) for name, value in zip(names, values, strict=True)]


def _printers(plugins: Any) -> Any:
    for plugin in plugins:
        plugin.obj = Printer(plugin.name, plugin.obj)
    return plugins


class ListCommand(OpenstatsCommand, Lister):
    """A command that prints a list."""

    def _load_formatter_plugins(self) -> Any:
        return _printers(super()._load_formatter_plugins())

    def produce_output(self, parsed_args: argparse.Namespace, column_names: Any, data: Any) -> int:
        """Write the list; report an empty one on standard error if the formatter prints nothing."""
        rows = list(data)
        if not rows and parsed_args.formatter in SILENT:
            self.app.stderr.write("No entries.\n")
        return int(super().produce_output(parsed_args, column_names, rows))


class ShowCommand(OpenstatsCommand, ShowOne):
    """A command that prints one entry."""

    def _load_formatter_plugins(self) -> Any:
        return _printers(super()._load_formatter_plugins())
