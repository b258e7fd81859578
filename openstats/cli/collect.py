"""``openstats collect`` and ``openstats discover``: ask the clouds."""

import argparse
import os
import signal
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from openstats.cli.main import OpenstatsCommand
from openstats.errors import ConfigError

ENDING = (signal.SIGTERM, signal.SIGINT)


def _clouds(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "clouds",
        nargs="*",
        metavar="CLOUD",
        help="entries of clouds.yaml (default: those configured)",
    )


class Asking(OpenstatsCommand):
    """What commands that ask clouds once have in common."""

    def ask(self, names: Sequence[str], kinds: Sequence[str], *, full: bool) -> int:
        """Run one cycle; the exit status is 0 only if every cloud answered everything."""
        from openstats.cli import logs
        from openstats.cli.clouds import collector, progress

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
        for error in errors:
            self.app.stderr.write(f"openstats: {error}\n")
        done = ", ".join(asking.connections)
        self.app.stdout.write(f"Asked {done}: {len(errors) or 'no'} errors.\n")
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
        from openstats.collector.collector import POLLS

        if parsed_args.once:
            return self.ask(parsed_args.clouds, tuple(POLLS), full=parsed_args.full)
        return self._for_ever(parsed_args.clouds)

    def _for_ever(self, names: Sequence[str]) -> int:
        from openstats.cli import logs
        from openstats.cli.clouds import collector

        logs.service(self.app.conf)
        asking = collector(self.app.conf, self.app.store, names)
        with logs.lifetime(self.app.conf, "collect", self.app.store):
            return self._until_told(asking)

    def _until_told(self, asking: Any) -> int:
        ended, end = os.pipe()
        # Python's handlers wait for this thread, which may be on its way into the reading below,
        # and may interrupt whoever holds a lock. The byte is written before them, by C.
        os.set_blocking(end, False)
        signal.set_wakeup_fd(end)
        for number in ENDING:
            signal.signal(number, lambda *_: None)
        with ThreadPoolExecutor(1, "collector") as thread:
            run = thread.submit(asking.run)
            run.add_done_callback(lambda _: os.write(end, b"."))
            os.read(ended, 1)
            asking.stop()
            run.result()
        return 0


class Discover(Asking):
    """Find the customers and projects of the clouds in their Keystones."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Say what the command takes."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        _clouds(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Discover."""
        return self.ask(parsed_args.clouds, ("discovery",), full=False)
