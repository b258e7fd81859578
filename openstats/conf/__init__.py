"""All options, each declared once.

There is no global CONF: ``load`` returns a configuration object, which is passed as an argument.
"""

import sys
from collections.abc import Sequence

from oslo_config import cfg
from oslo_log import _options, log

from openstats import __version__
from openstats.conf import (
    alerts,
    api,
    audit,
    clouds,
    collector,
    database,
    identity,
    sources,
    usage,
    values,
)

GROUPS = (database, clouds, collector, usage, api, identity, audit, alerts)


def list_opts() -> list[tuple[str | None, list[cfg.Opt]]]:
    """Return the options by group, for oslo-config-generator."""
    declared = [(module.GROUP, module.OPTIONS) for module in GROUPS]
    return [*declared, (f"{alerts.PREFIX}name", alerts.RECEIVER)]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register every option of openstats on a configuration object."""
    for module in GROUPS:
        conf.register_opts(module.OPTIONS, group=module.GROUP)


def load(
    files: Sequence[str] = (), directories: Sequence[str] = (), **overrides: object
) -> cfg.ConfigOpts:
    """Return the configuration of these files and directories, or of those that oslo.config finds.

    ``overrides`` are values that commands and tests set, by ``group__name``, or by ``name`` for
    options in [DEFAULT]. None keeps the value from the files.

    Raises:
        FilesError: a file or directory cannot be read.
        ValuesError: an option has an invalid value.
        cfg.Error: a file cannot be parsed.
    """
    sources.check_readable(files, directories)
    conf = cfg.ConfigOpts()
    register_opts(conf)
    log.register_options(conf)
    conf(
        args=[],
        project=sources.PROJECT,
        version=__version__,
        default_config_files=list(files) or None,
        default_config_dirs=list(directories) or None,
        prog=sys.argv[0].rsplit("/", 1)[-1],
    )
    for name, value in overrides.items():
        group, _, option = name.rpartition("__")
        if value is not None:
            conf.set_override(option, value, group=group or None)
    for name in _receivers(conf):
        conf.register_opts(alerts.RECEIVER, group=f"{alerts.PREFIX}{name}")
    # Fail on invalid values now, not in the thread that uses one first.
    values.check(conf, declared(conf))
    return conf


def declared(conf: cfg.ConfigOpts) -> list[tuple[str | None, list[cfg.Opt]]]:
    """Return the options of ``conf`` by group; None means [DEFAULT]."""
    groups: list[tuple[str | None, list[cfg.Opt]]] = [(m.GROUP, m.OPTIONS) for m in GROUPS]
    groups += [(f"{alerts.PREFIX}{name}", alerts.RECEIVER) for name in _receivers(conf)]
    return [*groups, *_options.list_opts()]


def _receivers(conf: cfg.ConfigOpts) -> list[str]:
    """Return the names of receivers; none if they are invalid, which ``values`` reports later."""
    try:
        return list(conf.alerts.receivers)
    except (ValueError, cfg.Error):
        return []
