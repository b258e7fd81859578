"""``openstats collect`` and ``openstats discover``: ask the clouds."""

import argparse
import signal
from collections.abc import Sequence
from functools import partial
from threading import Thread
from typing import Any

from openstats.cli.main import OpenstatsCommand
from openstats.errors import ConfigError, OpenstatsError


def _clouds(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "clouds",
        nargs="*",
        metavar="CLOUD",
        help="entries of clouds.yaml (default: those configured)",
    )


FOUND = ("customer", "project", "tenant")
"""What discovery finds."""


class Asking(OpenstatsCommand):
    """What commands that ask clouds once have in common."""

    logs_itself = True

    def ask(self, names: Sequence[str], kinds: Sequence[str], *, full: bool) -> int:
        """Run one cycle; the exit status is 0 only if every cloud answered everything."""
        from openstats.cli import logs
        from openstats.cli.assembly import collector, progress

        if not self.app.options.verbose_level:
            logs.command(self.app.conf)
        with progress() as shown:
            asking = collector(self.app.conf, self.app.store, names, **shown)
            try:
                if not asking.connections:
                    raise ConfigError("; ".join(asking.roster.faults.values()))
                errors = asking.cycle(kinds, full=full)
            finally:
                asking.close()
        # A Keystone that refuses fails every poll in the same words.
        errors = list(dict.fromkeys(errors))
        for error in errors:
            self.app.stderr.write(f"openstats: {error}\n")
        done, number = ", ".join(asking.connections), len(errors) or "no"
        self.app.stdout.write(f"Asked {done}: {number} error{'s' * (number != 1)}.\n")
        return 1 if errors else 0


class Collect(Asking):
    """Ask the clouds for capacity, servers, volumes and quotas: for ever, or once."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Say what the command takes."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument("--once", action="store_true", help="ask everything once, now, and end")
        parser.add_argument(
            "--full",
            action="store_true",
            help="with --once: read everything, not only what changed",
        )
        _clouds(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Collect."""
        from openstats.collector.polls.kinds import POLLS

        if parsed_args.once:
            return self.ask(parsed_args.clouds, tuple(POLLS), full=parsed_args.full)
        if parsed_args.full:
            raise OpenstatsError(
                "--full: it takes --once; a collector that stays reads all in turn"
            )
        return self._for_ever(parsed_args.clouds)

    def _for_ever(self, names: Sequence[str]) -> int:
        from openstats.cli import logs
        from openstats.cli.assembly import collector

        logs.service(self.app.conf)
        asking = collector(self.app.conf, self.app.store, names)
        with logs.lifetime(self.app.conf, "collect", self.app.store):
            return self._until_told(asking)

    def _until_told(self, asking: Any) -> int:
        from openstats.cli import logs
        from openstats.cli.processes import ending
        from openstats.cli.processes.signals import ENDING, handled

        running = Thread(target=asking.run, name="collector", daemon=True)
        actions = dict.fromkeys(ENDING, asking.stop)
        with handled(actions | {signal.SIGHUP: partial(logs.reload, self.app.conf)}):
            running.start()
            asking.stopped.wait()
            ending.wait_for(running, self.app.conf.collector.stop_timeout)
        return 0


class Discover(Asking):
    """Find the customers and projects of the clouds in their Keystones."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Say what the command takes."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        _clouds(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Discover, and write what came of it."""
        before = self._found()
        status = self.ask(parsed_args.clouds, ("discovery",), full=False)
        after = self._found()
        parts = (
            f"{len(after[kind])} {kind}s ({len(after[kind] - before[kind])} new, "
            f"{len(before[kind] - after[kind])} gone)"
            for kind in FOUND
        )
        self.app.stdout.write(f"Known now: {', '.join(parts)}.\n")
        return status

    def _found(self) -> dict[str, set[str]]:
        from openstats.storage.entries import tenants

        with self.app.store.read() as db:
            return {kind: tenants.uuids(db, kind) for kind in FOUND}
