"""``openstats collect`` and ``openstats discover``: poll the clouds."""

import argparse
import signal
from collections.abc import Iterable, Sequence
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING

from openstats.cli.main import OpenstatsCommand
from openstats.errors import ConfigError, OpenstatsError
from openstats.names import counted

if TYPE_CHECKING:
    from openstats.collector.collector import Collector


def _add_clouds(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "clouds",
        nargs="*",
        metavar="CLOUD",
        help="Entries of clouds.yaml to poll. Default: those configured.",
    )


KINDS = ("customer", "project", "tenant")
"""The kinds of objects that discovery finds."""


class CloudsCommand(OpenstatsCommand):
    """The base of commands that poll clouds."""

    logs_itself = True

    def poll_once(self, names: Sequence[str], kinds: Sequence[str], *, full: bool) -> int:
        """Run one cycle of polls; return 0 only if all succeed, otherwise 1."""
        from openstats import logs
        from openstats.cli.assembly import collector
        from openstats.cli.progress import progress_bars

        if not self.app.options.verbose_level:
            logs.set_up_command(self.app.conf)
        with progress_bars() as bars:
            poller = collector(self.app.conf, self.app.store, names, progress=bars.show)
            try:
                if not poller.connections.by_name:
                    raise ConfigError("; ".join(poller.connections.faults.values()))
                errors = poller.cycle(kinds, full=full)
            finally:
                poller.close()
        return self._report(poller.connections.by_name, errors)

    def _report(self, names: Iterable[str], errors: Iterable[str]) -> int:
        # A Keystone that refuses fails every poll with the same message.
        sentences = list(dict.fromkeys(errors))
        for sentence in sentences:
            self.app.stderr.write(f"openstats: {sentence}\n")
        count = "1 error" if len(sentences) == 1 else f"{len(sentences) or 'no'} errors"
        self.app.stdout.write(f"Polled {', '.join(names)}: {count}.\n")
        return 1 if sentences else 0


class Collect(CloudsCommand):
    """Poll the clouds for capacity, servers, quotas and usage."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the command's arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument("--once", action="store_true", help="Poll everything once and exit.")
        parser.add_argument(
            "--full",
            action="store_true",
            help="With --once: read everything, not only changes.",
        )
        _add_clouds(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Poll everything once, or whatever is due until the command is stopped."""
        from openstats.collector.polls.kinds import POLLS

        if parsed_args.once:
            return self.poll_once(parsed_args.clouds, tuple(POLLS), full=parsed_args.full)
        if parsed_args.full:
            raise OpenstatsError(
                "--full: requires --once; a running collector reads everything in turn"
            )
        return self._poll_until_stopped(parsed_args.clouds)

    def _poll_until_stopped(self, names: Sequence[str]) -> int:
        from openstats import logs
        from openstats.cli.assembly import collector

        logs.set_up_service(self.app.conf)
        service = collector(self.app.conf, self.app.store, names)
        with logs.lifetime(self.app.conf, "collect", self.app.store):
            return self._run_until_stopped(service)

    def _run_until_stopped(self, service: "Collector") -> int:
        from openstats import logs
        from openstats.cli.processes import ending
        from openstats.cli.processes.signals import ENDING, handled

        thread = Thread(target=service.run, name="collector", daemon=True)
        actions = dict.fromkeys(ENDING, service.stop)
        with handled(actions | {signal.SIGHUP: partial(logs.reload, self.app.conf)}):
            thread.start()
            service.stopped.wait()
            ending.wait_for(thread, self.app.conf.collector.stop_timeout)
        return 0


class Discover(CloudsCommand):
    """Discover customers, projects and tenants in Keystone."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the command's arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        _add_clouds(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Run discovery, and write how many objects it found."""
        old = self._uuids()
        status = self.poll_once(parsed_args.clouds, ("discovery",), full=False)
        new = self._uuids()
        counts = ", ".join(_counts(kind, old[kind], new[kind]) for kind in KINDS)
        self.app.stdout.write(f"The registry has {counts}.\n")
        return status

    def _uuids(self) -> dict[str, set[str]]:
        from openstats.storage.entries import tenants

        with self.app.store.read() as db:
            return {kind: tenants.uuids(db, kind) for kind in KINDS}


def _counts(kind: str, old: set[str], new: set[str]) -> str:
    return f"{counted(len(new), kind)} ({len(new - old)} new, {len(old - new)} gone)"
