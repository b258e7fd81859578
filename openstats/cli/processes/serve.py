"""``openstats serve``: the API, with a collector in the same process if the store is SQLite."""

import argparse
import signal
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from oslo_log import log

from openstats.cli.main import OpenstatsCommand
from openstats.errors import ConfigError, OpenstatsError

if TYPE_CHECKING:
    from openstats.collector.collector import Collector
    from openstats.http.server.health import Health
    from openstats.http.server.server import Server
    from openstats.storage.store import Store

LOG = log.getLogger(__name__)

FIRST_POLL_TIMEOUT = 20.0
"""Seconds to wait for a cloud that does not answer, before the service is ready without it."""


class Serve(OpenstatsCommand):
    """Serve the API, with a collector if the store is SQLite."""

    logs_itself = True

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the command's arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument("--host", help="Address to listen on. Default: [api] host.")
        parser.add_argument("--port", type=int, help="Port to listen on. Default: [api] port.")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Serve until a signal stops the process."""
        from openstats import logs
        from openstats.http.server.health import Health
        from openstats.wsgi import startup

        self._override(parsed_args)
        startup.check(self.app.conf)
        logs.set_up_service(self.app.conf)
        store = self.app.open_store(requests=True)
        store.check()
        health = Health({"store": store.check})
        server = self._server(store, health)
        with logs.lifetime(self.app.conf, "serve", self.app.store):
            collector = self._collector()
            if collector:
                health.probes["collector"] = collector.heartbeat.check
            health.watch()
            polling = threading.Thread(target=self._poll, args=(server, collector), daemon=True)
            try:
                return self._run(server, collector, polling)
            finally:
                health.stop()

    def _override(self, parsed_args: argparse.Namespace) -> None:
        for name in ("host", "port"):
            value = getattr(parsed_args, name)
            try:
                if value is not None:
                    self.app.conf.set_override(name, value, group="api")
            except ValueError as error:
                raise ConfigError(f"--{name} {value}: {error}") from error

    def _server(self, store: "Store", health: "Health") -> "Server":
        from openstats.http.server.server import Server
        from openstats.wsgi.app import make_service

        options = self.app.conf.api
        application = make_service(self.app.conf, store, health)
        try:
            return Server(application, options, health)
        except OSError as error:
            reason = error.strerror or error
            problem = f"cannot listen on {options.host}:{options.port}: {reason}"
            raise ConfigError(problem) from error

    def _collector(self) -> "Collector | None":
        """Return the collector, if this process has one; it may have no clouds yet."""
        from openstats.cli.assembly import idle_collector, unregistered_collector

        configured = self.app.conf.api.collect
        if not (self.app.store.embedded if configured is None else configured):
            return None
        try:
            return unregistered_collector(self.app.conf, self.app.store)
        except ConfigError as error:
            self.app.say_error(error)
            return idle_collector(self.app.conf, self.app.store)

    def _poll(self, server: "Server", collector: "Collector | None") -> None:
        """Run the polls that never ran, announce the service, and go on collecting."""
        from openstats.cli.processes.readiness import address

        try:
            if collector:
                collector.register()
                if self._unpolled():
                    collector.cycle(patience=FIRST_POLL_TIMEOUT)
                if collector.stopped.is_set():
                    return
            self._announce(
                address(self.app.conf.api.host, server.effective_port),
                "no cloud is registered" if collector else "no collector has read a cloud yet",
            )
        except OpenstatsError as error:
            self.app.say_error(error)
        except Exception:
            LOG.exception("a defect of openstats in the first poll")
        if collector:
            collector.run()

    def _announce(self, url: str, reason: str) -> None:
        """Write the URL of the service and whether it has figures; on a terminal, also examples."""
        from openstats.cli.processes.readiness import announcement, examples
        from openstats.storage import jobs
        from openstats.storage.registry import clouds

        with self.app.store.read() as db:
            outcomes = jobs.outcomes(db)
            auth_urls = sorted({cloud.auth_url for cloud in clouds.clouds(db) if cloud.auth_url})
        self.app.stderr.write(announcement(url, outcomes, reason))
        # With Keystone, the examples would fail for lack of a token.
        if self.app.stderr.isatty() and self.app.conf.api.auth_strategy == "noauth":
            self.app.stderr.write(examples(url, auth_urls))
        self.app.stderr.flush()

    def _unpolled(self) -> bool:
        from openstats.storage import jobs

        with self.app.store.read() as db:
            return any(row.polled_at is None for row in jobs.outcomes(db))

    def _run(
        self, server: "Server", collector: "Collector | None", polling: threading.Thread
    ) -> int:
        from openstats.cli.processes import ending
        from openstats.cli.processes.signals import handled
        from openstats.logs import reload

        def end(*, at_once: bool = False) -> None:
            if collector:
                collector.stop()
            server.drain(at_once=at_once or server.draining_since is not None)

        actions: dict[signal.Signals, Callable[[], None]] = {
            signal.SIGTERM: end,
            signal.SIGINT: partial(end, at_once=True),
            signal.SIGHUP: partial(reload, self.app.conf),
        }
        with handled(actions):
            polling.start()
            try:
                server.run()
            finally:
                server.close()
                if collector:
                    collector.stop()
                ending.wait_for(polling, self.app.conf.collector.stop_timeout)
        return 0
