"""``openstats db``: the store's schema."""

import argparse

from openstats.cli.main import OpenstatsCommand


class Upgrade(OpenstatsCommand):
    """Make the store, or bring its schema up to date."""

    def take_action(self, _parsed_args: argparse.Namespace) -> int:
        """Upgrade."""
        from openstats.storage import migration
        from openstats.storage.schema import HEAD

        store = self.app.open_store()
        migration.upgrade(store)
        self.app.stdout.write(f"The store {store} has schema {HEAD}.\n")
        return 0
