"""Every option, declared once; no global CONF: ``load`` makes an object that is handed down."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from oslo_config import cfg
from oslo_log import log

from openstats import __version__
from openstats.conf import alerts, api, audit, clouds, collector, database, identity, usage

GROUPS = (database, clouds, collector, usage, api, identity, audit, alerts)


def list_opts() -> list[tuple[str | None, list[cfg.Opt]]]:
    """Answer what oslo-config-generator asks for: (group, options)."""
    declared = [(module.GROUP, module.OPTIONS) for module in GROUPS]
    return [*declared, (f"{alerts.PREFIX}name", alerts.RECEIVER)]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register every option of openstats on a configuration object."""
    for module in GROUPS:
        conf.register_opts(module.OPTIONS, group=module.GROUP)


def load(
    files: Sequence[str] = (), directories: Sequence[str] = (), **overrides: Any
) -> cfg.ConfigOpts:
    """Read the configuration: the files and directories given, or those that oslo.config finds.

    ``overrides`` are options by ``group__name``, or ``name`` for those of [DEFAULT], which doors
    and tests set; None leaves what the files say.

    Raises:
        cfg.Error: a file or directory is missing, or holds a value that an option does not take.
    """
    for directory in directories:
        # oslo.config passes over those that it is given as defaults.
        if not Path(directory).is_dir():
            raise cfg.ConfigDirNotFoundError(directory)
    conf = cfg.ConfigOpts()
    register_opts(conf)
    log.register_options(conf)
    conf(
        args=[],
        project="openstats",
        version=__version__,
        default_config_files=list(files) or None,
        default_config_dirs=list(directories) or None,
        prog=sys.argv[0].rsplit("/", 1)[-1],
    )
    for name, value in overrides.items():
        group, _, option = name.rpartition("__")
        if value is not None:
            conf.set_override(option, value, group=group or None)
    for name in conf.alerts.receivers:
        conf.register_opts(alerts.RECEIVER, group=f"{alerts.PREFIX}{name}")
    _read_all(conf)
    return conf


def _read_all(conf: cfg.ConfigOpts) -> None:
    """Have a wrong value told now, and not in the thread that needs it first."""
    groups = [(module.GROUP, module.OPTIONS) for module in GROUPS]
    groups += [(f"{alerts.PREFIX}{name}", alerts.RECEIVER) for name in conf.alerts.receivers]
    for group, options in groups:
        for option in options:
            getattr(conf[group], option.dest)
