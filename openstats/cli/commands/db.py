"""``openstats db``: the store's schema."""

import argparse

from openstats.cli.main import OpenstatsCommand


class UpgradeStore(OpenstatsCommand):
    """Create the store or upgrade its schema."""

    def take_action(self, _parsed_args: argparse.Namespace) -> int:
        """Upgrade the schema of the store."""
        from openstats.storage import migration
        from openstats.storage.schema.tables import HEAD

        store = self.app.open_store(patient=True)
        if not self.app.conf.config_file:
            self.app.stderr.write(f"No configuration file found: using the store {store}.\n")
        migration.upgrade(store)
        self.app.stdout.write(f"The store {store} is at schema {HEAD}.\n")
        return 0
