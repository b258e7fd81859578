"""``openstats serve``: the API, with a collector in it where the store is embedded."""

import argparse
import signal
import threading
from typing import Any

from openstats.cli.main import OpenstatsCommand
from openstats.errors import ConfigError, StoreError

SHOWN = 3
"""Clouds whose URL is shown as an example."""


class Serve(OpenstatsCommand):
    """Answer over HTTP; ask the clouds as well, when the store is SQLite."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Say what the command takes."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument("--host", help="address to listen on, instead of [api] host")
        parser.add_argument("--port", type=int, help="port to listen on, instead of [api] port")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Serve until told to stop."""
        from openstats.cli import logs

        self._override(parsed_args)
        logs.service(self.app.conf)
        server = self._server()
        with logs.lifetime(self.app.conf, "serve", self.app.store):
            asking = self._collector()
            polling = threading.Thread(target=self._poll, args=(server, asking))
            polling.start()
            return self._run(server, asking, polling)

    def _override(self, parsed_args: argparse.Namespace) -> None:
        for name in ("host", "port"):
            given = getattr(parsed_args, name)
            try:
                if given is not None:
                    self.app.conf.set_override(name, given, group="api")
            except ValueError as error:
                raise ConfigError(f"--{name} {given}: {error}") from error

    def _server(self) -> Any:
        from openstats.api.app import make_app
        from openstats.api.cors import allowing
        from openstats.api.server import make_server

        options = self.app.conf.api
        app = allowing(make_app(self.app.conf, self.app.store), self.app.conf)
        try:
            return make_server(app, options)
        except OSError as error:
            where = f"{options.host}:{options.port}"
            raise ConfigError(f"cannot listen on {where}: {error.strerror or error}") from error

    def _collector(self) -> Any:
        """Make the collector, where there is to be one; clouds to ask may come later."""
        from openstats.cli.clouds import collector, idle_collector

        wanted = self.app.conf.api.collect
        if not (self.app.store.embedded if wanted is None else wanted):
            return None
        try:
            return collector(self.app.conf, self.app.store)
        except ConfigError as error:
            self.app.say_error(error)
            return idle_collector(self.app.conf, self.app.store)
        except StoreError as error:
            self.app.say_error(error)
            return None

    def _poll(self, server: Any, asking: Any) -> None:
        """Poll what was never polled, say that the service is ready, and go on collecting."""
        try:
            if asking and self._unpolled():
                asking.cycle()
            self._say_ready(f"http://{self.app.conf.api.host}:{server.effective_port}")
        except StoreError as error:
            self.app.say_error(error)
        if asking:
            asking.run()

    def _say_ready(self, url: str) -> None:
        """Say where the service is, with something to ask of it."""
        from openstats.storage import registry

        with self.app.store.read() as db:
            auth_urls = sorted({cloud.auth_url for cloud in registry.clouds(db) if cloud.auth_url})
        paths = [f"resource/?auth_url={auth_url}" for auth_url in auth_urls[:SHOWN]]
        paths += ["quota/?each=true", "customer/", "creation-time/?type=project"]
        paths += ["usage/?item=memory", "alert/"]
        tries = "".join(f"  curl '{url}/api/stats/{path}'\n" for path in paths)
        self.app.stderr.write(f"openstats is ready: {url}/\n{tries}")
        self.app.stderr.flush()

    def _unpolled(self) -> bool:
        from openstats.storage import jobs

        with self.app.store.read() as db:
            return any(row["polled_at"] is None for row in jobs.outcomes(db))

    def _run(self, server: Any, asking: Any, polling: threading.Thread) -> int:
        signal.signal(signal.SIGTERM, _interrupt)
        try:
            server.run()
        finally:
            server.close()
            if asking:
                asking.stop()
            polling.join()
        return 0


def _interrupt(*_: object) -> None:
    # waitress ends its loop on SystemExit, and lets the answers under way be finished.
    raise SystemExit(0)
