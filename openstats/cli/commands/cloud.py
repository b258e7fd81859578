"""``openstats cloud accept``: accept that much of a cloud has disappeared."""

import argparse
import time

from openstats.cli.main import OpenstatsCommand
from openstats.errors import ObjectUnknownError


class AcceptCloud(OpenstatsCommand):
    """Accept that many tenants, servers or volumes disappeared."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the command's arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument("cloud", metavar="CLOUD", help="Name of the cloud.")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Accept the disappearances that the cloud's jobs have seen."""
        from openstats.storage import disappearances
        from openstats.storage.registry import clouds

        name = parsed_args.cloud
        with self.app.store.transaction() as db:
            registered = {cloud.name: cloud for cloud in clouds.clouds(db)}
            if name not in registered:
                names = ", ".join(registered) or "none"
                raise ObjectUnknownError(f"cloud {name} not found; registered clouds: {names}")
            accepted = disappearances.accept(db, registered[name], time.time())
        for kind, counts in accepted.items():
            share = f"{counts.gone} of {counts.total}"
            self.app.stdout.write(f"{name}: accepted that {share} {kind} are gone.\n")
        if not accepted:
            self.app.stdout.write(f"{name}: no mass disappearance to accept.\n")
