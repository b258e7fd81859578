"""Logging of the commands: services write as oslo.log is told, those that end print sentences."""

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
"""Where values come from that no file changes."""

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
"""Who would print beside the sentences of a command."""

DESTINATIONS = ("log_file", "log_dir", "use_syslog", "use_journal", "log_config_append")


class LogFormatter(ContextFormatter):
    """Lines of oslo.log that hold no other lines, and the text of an exception once.

    Messages name what clouds and callers chose to call things: whatever a terminal or a reader of
    the log would take for something else is escaped. oslo.log appends the exception that is being
    handled to every warning, also where the message is its very text.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record, and below it those of a traceback."""
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


def service(conf: Any) -> None:
    """Log a service where the configuration says, by default to standard error.

    Raises:
        ConfigError: the log cannot be written there.
    """
    conf.set_default("use_stderr", True)
    _set_up(conf)


@contextmanager
def lifetime(conf: Any, name: str, store: object) -> Iterator[None]:
    """Log the beginning of a service, with what it runs on and what is odd in it, and its end."""
    files = ", ".join(named(conf)) or "no file"
    LOG.info(
        "openstats %s: %s starts, process %d; configuration: %s; store: %s; auth_strategy: %s",
        *(__version__, name, os.getpid(), files, store, conf.api.auth_strategy),
    )
    for sentence in (*problems(conf), *warnings(conf)):
        LOG.warning("%s", sentence)
    try:
        yield
    finally:
        # Not as part of the request that this thread answered last.
        no_request = {"context": None}
        end = __version__, name, os.getpid()
        LOG.info("openstats %s: %s ends, process %d", *end, extra=no_request)


def command(conf: Any) -> None:
    """Log a command that ends where the configuration says, and nowhere by default.

    What goes wrong is printed by the command itself.

    Raises:
        ConfigError: the log cannot be written there.
    """
    if any(conf[name] for name in DESTINATIONS):
        _set_up(conf)
        return
    quiet()


def quiet() -> None:
    """Have nobody but the command itself print what goes wrong."""
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def fault(conf: Any) -> str | None:
    """Return why the log cannot be written where the configuration says; None: nothing is seen."""
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


def _destinations(conf: Any) -> str:
    return "[DEFAULT] " + ", ".join(f"{name} = {conf[name]}" for name in DESTINATIONS if conf[name])


def _set_up(conf: Any) -> None:
    if sentence := fault(conf):
        raise ConfigError(sentence)
    try:
        log.setup(conf, "openstats", __version__)
    except (OSError, log.LogConfigError) as error:
        # What the look before did not see, such as a full disk or a syslog that is not there.
        options = _destinations(conf)
        raise ConfigError(f"{options}: the log cannot be written: {error}. Correct it") from error
    for handler in logging.getLogger().handlers:
        if type(handler.formatter) is ContextFormatter:
            handler.setFormatter(_harmless(handler.formatter))


def _harmless(formatter: Any) -> LogFormatter:
    return LogFormatter(datefmt=formatter.datefmt, project=formatter.project, config=formatter.conf)


def reload(conf: Any) -> None:
    """Open log files anew, and take what may change from the configuration files."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.FileHandler):
            # It opens its file again at the next line.
            handler.close()
    try:
        # oslo.config would take a wrong value, and fail whoever needs it next.
        fresh = load(conf.config_file, conf.config_dir)
        applied, immutable = _changes(conf, fresh)
        with _silent_library():
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


def _changes(conf: Any, fresh: Any) -> tuple[list[str], list[str]]:
    """Return a sentence for each option that changes at once, and for each that needs a restart."""
    applied: list[str] = []
    immutable: list[str] = []
    for group, options in declared(conf):
        for option in options:
            if sentence := _change(conf, fresh, group, option):
                (applied if option.mutable else immutable).append(sentence)
    return applied, immutable


def _change(conf: Any, fresh: Any, group: str | None, option: Any) -> str | None:
    """Return what changed of an option; None where nothing did, or where no file decides."""
    old_options, new_options = _options(conf, group), _options(fresh, group)
    if option.dest not in old_options or option.dest not in new_options:
        return None
    location = conf.get_location(option.dest, group)
    old, new = old_options[option.dest], new_options[option.dest]
    if old == new or (location and location.location in FIXED):
        return None
    values = "" if option.secret else f" from {old} to {new}"
    return f"[{group or 'DEFAULT'}] {option.name} changed{values}"


def _options(conf: Any, group: str | None) -> Any:
    return conf[group] if group and group in conf else conf


@contextmanager
def _silent_library() -> Iterator[None]:
    """Have oslo.config say nothing of changes: its words are of its own."""
    library = logging.getLogger("oslo_config.cfg")
    level = library.level
    library.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        library.setLevel(level)
