"""``openstats registry``: the registry as a YAML document."""

import argparse
import sys
import time
from pathlib import Path
from uuid import uuid4

from openstats.cli.author import author
from openstats.cli.main import OpenstatsCommand
from openstats.errors import RegistryError
from openstats.names import counted, noun


class ImportRegistry(OpenstatsCommand):
    """Import the registry from a YAML document.

    Create or replace its customers, projects, groups, links and grants.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the command's arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            "file", metavar="FILE", help="YAML document to import; - for standard input."
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Import the whole document, or nothing if it is invalid."""
        from openstats.api.registry.imports import import_registry
        from openstats.cli import yaml_document
        from openstats.storage.registry.audit import Author

        name = "standard input" if parsed_args.file == "-" else parsed_args.file
        try:
            text = _text(parsed_args.file)
        except (OSError, UnicodeDecodeError) as error:
            raise RegistryError(f"{name} cannot be read: {error}") from error
        document = yaml_document.load(text, name)
        with self.app.store.transaction() as db:
            by = Author(author("registry import"), int(time.time()), f"req-{uuid4()}")
            counts = import_registry(db, document, by)
        numbers = (counted(count, noun(kind).removesuffix("s")) for kind, count in counts.items())
        self.app.stdout.write(f"Imported {', '.join(numbers)}.\n")
        return 0


def _text(file: str) -> str:
    return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")


class ExportRegistry(OpenstatsCommand):
    """Export the registry as a YAML document."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the command's arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            "file",
            metavar="FILE",
            nargs="?",
            default="-",
            help="File to write. Default: standard output.",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Write the document to the file, or to standard output."""
        import yaml

        from openstats.storage.import_export.exporter import export_registry

        with self.app.store.read() as db:
            document = export_registry(db)
        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
        if parsed_args.file == "-":
            self.app.stdout.write(text)
            return 0
        try:
            Path(parsed_args.file).write_text(text, encoding="utf-8")
        except OSError as error:
            raise RegistryError(f"{parsed_args.file} cannot be written: {error}") from error
        return 0
