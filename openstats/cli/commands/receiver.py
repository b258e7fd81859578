"""``openstats receiver``: tokens of receivers of alerts."""

import argparse
import re

from openstats.cli.main import OpenstatsCommand
from openstats.errors import ConfigError

SECTION = """\
[alerts]
receivers = {name}

[receiver:{name}]
kind = alertmanager
token_hash = {hash}
"""


class CreateToken(OpenstatsCommand):
    """Create a token for a receiver of alerts, and its hash."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the command's arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument("name", metavar="NAME", help="Name of the receiver, as in its URL.")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Write a new token, which is not stored, and the configuration section with its hash."""
        from openstats import tokens
        from openstats.conf.alerts import NAME, NAMING

        if not re.fullmatch(NAME, parsed_args.name):
            raise ConfigError(f"receiver name {parsed_args.name}: must be {NAMING}")
        token = tokens.make_token()
        section = SECTION.format(name=parsed_args.name, hash=tokens.hash_token(token))
        self.app.stdout.write(f"For openstats.conf:\n\n{section}\n")
        self.app.stdout.write(
            f"Token for the sender. Keep it secret; it is not shown again:\n\n{token}\n"
        )
        return 0
