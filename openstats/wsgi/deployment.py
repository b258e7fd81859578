"""The application as WSGI servers load it, configured by files whose names are in the environment.

There is no command line and no collector here: polls run in ``openstats collect``.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from wsgiref.types import WSGIApplication

from oslo_config import cfg

from openstats import conf, logs
from openstats.conf.sources import PROJECT
from openstats.errors import ConfigError
from openstats.http.server.health import Health
from openstats.wsgi import startup
from openstats.wsgi.app import make_service
from openstats.wsgi.stores import open_store

FILES, DIRECTORY = "OS_OPENSTATS_CONFIG_FILES", "OS_OPENSTATS_CONFIG_DIR"
"""Variables with the names of configuration files, separated by semicolons, and their directory."""


def load_application(environ: Mapping[str, str]) -> WSGIApplication:
    """Return the application of the configuration that the environment names.

    Raises:
        ConfigError: the configuration is invalid; the sentences are on standard error as well.
    """
    try:
        return _application(_configuration(environ))
    except ConfigError as error:
        for sentence in error.problems:
            sys.stderr.write(f"openstats: {sentence}\n")
        raise


def _configuration(environ: Mapping[str, str]) -> cfg.ConfigOpts:
    files, directories = configuration_sources(environ)
    try:
        return conf.load(files, directories)
    except cfg.Error as error:
        raise ConfigError(*getattr(error, "sentences", [str(error)])) from error


def configuration_sources(environ: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Return the files and directories that the environment names, as Nova's variables do.

    ``OS_OPENSTATS_CONFIG_FILES`` has file names, relative to ``OS_OPENSTATS_CONFIG_DIR``. Without
    it, the files are openstats.conf in that directory, and \\*.conf in openstats.conf.d there.
    Without both, oslo.config looks in its usual places.
    """
    directory = environ.get(DIRECTORY, "").strip()
    names = [name.strip() for name in environ.get(FILES, "").split(";") if name.strip()]
    if names:
        return [os.path.join(directory, name) for name in names], []
    if not directory:
        return [], []
    file = Path(directory, f"{PROJECT}.conf")
    fragments = Path(f"{file}.d")
    return [str(file)], [str(fragments)] if fragments.is_dir() else []


def _check_noauth(options: cfg.ConfigOpts) -> None:
    # [api] host says nothing here: the server decides where it listens.
    if options.api.auth_strategy == "noauth" and not options.api.noauth_beyond_loopback:
        raise ConfigError(
            "[api] auth_strategy = noauth lets everybody in whom the WSGI server answers: set "
            "auth_strategy = keystone, or noauth_beyond_loopback = true if something in front "
            "controls access"
        )


def _application(options: cfg.ConfigOpts) -> WSGIApplication:
    _check_noauth(options)
    startup.check(options)
    logs.set_up_service(options)
    store = open_store(options, requests=True)
    store.check()
    # A server that loads the application before it forks would share the connections.
    os.register_at_fork(after_in_child=store.reopen)
    logs.announce_start(options, "openstats.wsgi.api", store)
    return make_service(options, store, Health({"store": store.check}))
