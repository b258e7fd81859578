"""Logging of commands: services log by oslo.log's options, other commands print sentences."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any

from oslo_config import cfg
from oslo_log import log
from oslo_log.formatters import ContextFormatter

from openstats import __version__
from openstats.conf import declared, load
from openstats.conf.problems import problems, warnings
from openstats.conf.sources import named
from openstats.errors import ConfigError
from openstats.names import escaped

LOG = log.getLogger(__name__)

FIXED = (cfg.Locations.set_override, cfg.Locations.command_line, cfg.Locations.set_default)
"""Sources of values that take precedence over files, so that a reload does not change them."""

ADVICE = "Allow the user that runs openstats to"
LOGGERS = (
    "openstats",
    "keystoneauth",
    "keystonemiddleware",
    "openstack",
    "oslo_config",
    "oslo_policy",
    "stevedore",
)
"""Loggers whose messages would mix with the output of a command."""

DESTINATIONS = ("log_file", "log_dir", "use_syslog", "use_journal", "log_config_append")


class LogFormatter(ContextFormatter):
    """A formatter that escapes messages, and shows the text of an exception only once.

    Messages contain names that clouds and callers choose. Control characters in them are escaped,
    so that they cannot forge lines or act on a terminal. oslo.log appends the exception that is
    being handled to every warning, even if the message contains its text already.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record, followed by the lines of its traceback."""
        message = escaped(record.getMessage())
        harmless = copy(record)
        harmless.msg, harmless.args = message, ()
        line = str(super().format(harmless))
        if summary := getattr(harmless, "error_summary", ""):
            sentence = escaped(summary)
            line = line.replace(summary, sentence)
            if not record.exc_info and sentence.partition(": ")[2] in message:
                line = line.removesuffix(f": {sentence}")
        return "\n".join(map(escaped, line.split("\n")))


def set_up_service(conf: cfg.ConfigOpts) -> None:
    """Set up logging of a service as configured, by default to standard error.

    Raises:
        ConfigError: the log cannot be written there.
    """
    conf.set_default("use_stderr", True)
    _set_up(conf)


@contextmanager
def lifetime(conf: cfg.ConfigOpts, name: str, store: object) -> Iterator[None]:
    """Log the start of a service, its configuration with problems and warnings, and its end."""
    announce_start(conf, name, store)
    try:
        yield
    finally:
        # Without the id of the request that this thread answered last.
        no_request = {"context": None}
        end = __version__, name, os.getpid()
        LOG.info("openstats %s: %s ends, process %d", *end, extra=no_request)


def announce_start(conf: cfg.ConfigOpts, name: str, store: object) -> None:
    """Log the start of a service, and its configuration with problems and warnings."""
    files = ", ".join(named(conf)) or "no file"
    LOG.info(
        "openstats %s: %s starts, process %d; configuration: %s; store: %s; auth_strategy: %s",
        *(__version__, name, os.getpid(), files, store, conf.api.auth_strategy),
    )
    for sentence in (*problems(conf), *warnings(conf)):
        LOG.warning("%s", sentence)


def set_up_command(conf: cfg.ConfigOpts) -> None:
    """Set up logging of a command that ends: as configured, by default nowhere.

    The command itself prints its errors.

    Raises:
        ConfigError: the log cannot be written there.
    """
    if any(conf[name] for name in DESTINATIONS):
        _set_up(conf)
        return
    silence()


def silence() -> None:
    """Silence libraries, so that only the command itself prints errors."""
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def fault(conf: cfg.ConfigOpts) -> str | None:
    """Return why the log cannot be written as configured; None if no reason is found."""
    if conf.log_config_append:
        return _unreadable(Path(conf.log_config_append))
    if not (conf.log_file or conf.log_dir):
        return None
    path = Path(conf.log_dir or "", conf.log_file or "openstats.log")
    problem = f"{_destinations(conf)}: the log cannot be written: "
    if not path.parent.is_dir():
        return f"{problem}directory {path.parent} does not exist. Create it"
    if path.is_dir():
        return f"{problem}{path} is a directory. Set a file"
    target = path if path.exists() else path.parent
    if os.access(target, os.W_OK, effective_ids=True):
        return None
    return f"{problem}permission to write {target} denied. {ADVICE} write it"


def _unreadable(path: Path) -> str | None:
    if os.access(path, os.R_OK, effective_ids=True):
        return None
    return (
        f"[DEFAULT] log_config_append = {path} cannot be read. Create the file, or correct the path"
    )


def _destinations(conf: cfg.ConfigOpts) -> str:
    return "[DEFAULT] " + ", ".join(f"{name} = {conf[name]}" for name in DESTINATIONS if conf[name])


def _set_up(conf: cfg.ConfigOpts) -> None:
    if sentence := fault(conf):
        raise ConfigError(sentence)
    try:
        log.setup(conf, "openstats", __version__)
    except (OSError, log.LogConfigError) as error:
        # ``fault`` does not find everything, such as a full disk or a missing syslog.
        options = _destinations(conf)
        raise ConfigError(f"{options}: the log cannot be written: {error}. Correct it") from error
    for handler in logging.getLogger().handlers:
        if type(handler.formatter) is ContextFormatter:
            handler.setFormatter(_harmless(handler.formatter))


def _harmless(formatter: ContextFormatter) -> LogFormatter:
    return LogFormatter(datefmt=formatter.datefmt, project=formatter.project, config=formatter.conf)


def reload(conf: cfg.ConfigOpts) -> None:
    """Reopen log files, and apply changes of mutable options in the configuration files."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.FileHandler):
            # The handler reopens its file at the next line.
            handler.close()
    try:
        # Validate first: oslo.config would accept an invalid value, and fail when it is used.
        fresh = load(conf.config_file, conf.config_dir)
        applied, immutable = _changes(conf, fresh)
        with _silent_library():
            # oslo.config empties its cache before it reads the files: what other threads ask for
            # meanwhile is cached with its old value. The second call empties the cache again.
            conf.mutate_config_files()
            conf.mutate_config_files()
    except (cfg.Error, OSError) as error:
        for sentence in getattr(error, "sentences", [error]):
            LOG.error("the configuration stays as it was: %s", sentence)
        return
    for sentence in (*problems(fresh), *warnings(fresh)):
        LOG.warning("%s", sentence)
    for sentence in applied:
        LOG.info("%s", sentence)
    for sentence in immutable:
        LOG.warning("%s: restart openstats to have it apply", sentence)
    LOG.info("configuration and log files read again; options changed: %d", len(applied))


def _changes(conf: cfg.ConfigOpts, fresh: cfg.ConfigOpts) -> tuple[list[str], list[str]]:
    """Return sentences for the options that change at once, and for those that need a restart."""
    applied: list[str] = []
    immutable: list[str] = []
    for group, options in declared(conf):
        for option in options:
            if sentence := _change(conf, fresh, group, option):
                (applied if option.mutable else immutable).append(sentence)
    return applied, immutable


def _change(
    conf: cfg.ConfigOpts, fresh: cfg.ConfigOpts, group: str | None, option: cfg.Opt
) -> str | None:
    """Return a sentence on the change of an option; None if nothing changes."""
    old_options, new_options = _options(conf, group), _options(fresh, group)
    if option.dest not in old_options or option.dest not in new_options:
        return None
    location = conf.get_location(option.dest, group)
    old, new = old_options[option.dest], new_options[option.dest]
    if old == new or (location and location.location in FIXED):
        return None
    values = "" if option.secret else f" from {old} to {new}"
    return f"[{group or 'DEFAULT'}] {option.name} changed{values}"


def _options(conf: cfg.ConfigOpts, group: str | None) -> Any:
    return conf[group] if group and group in conf else conf


@contextmanager
def _silent_library() -> Iterator[None]:
    """Silence oslo.config's messages about changes, since openstats logs its own."""
    library = logging.getLogger("oslo_config.cfg")
    level = library.level
    library.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        library.setLevel(level)
