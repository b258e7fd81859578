"""Logging of the commands: services write as oslo.log is told, those that end print sentences."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any

from oslo_config import cfg
from oslo_log import log
from oslo_log.formatters import ContextFormatter

from openstats import __version__
from openstats.conf import load
from openstats.conf.problems import problems, warnings
from openstats.errors import ConfigError
from openstats.names import escaped

LOG = log.getLogger(__name__)

DESTINATIONS = ("log_file", "log_dir", "use_syslog", "use_journal", "log_config_append")


class Sentences(ContextFormatter):
    """Lines of oslo.log that hold no other lines, and the text of an exception once.

    Messages name what clouds and callers chose to call things: whatever a terminal or a reader of
    the log would take for something else is escaped. oslo.log appends the exception that is being
    handled to every warning, also where the message is its very text.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record, and below it those of a traceback."""
        message = escaped(record.getMessage())
        shown = copy(record)
        shown.msg, shown.args = message, ()
        line = str(super().format(shown))
        if summary := getattr(shown, "error_summary", ""):
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
    files = ", ".join(dict.fromkeys(conf.config_file or [])) or "no file"
    LOG.info(
        "openstats %s: %s starts, process %d; configuration: %s; store: %s; auth_strategy: %s",
        *(__version__, name, os.getpid(), files, store, conf.api.auth_strategy),
    )
    for sentence in (*problems(conf), *warnings(conf)):
        LOG.warning("%s", sentence)
    try:
        yield
    finally:
        LOG.info("openstats %s: %s ends, process %d", __version__, name, os.getpid())


def command(conf: Any) -> None:
    """Log a command that ends where the configuration says, and nowhere by default.

    What goes wrong is printed by the command itself.

    Raises:
        ConfigError: the log cannot be written there.
    """
    if any(conf[name] for name in DESTINATIONS):
        _set_up(conf)
        return
    for name in ("openstats", "keystoneauth"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _set_up(conf: Any) -> None:
    try:
        log.setup(conf, "openstats", __version__)
    except (OSError, log.LogConfigError) as error:
        options = ", ".join(f"{name} = {conf[name]}" for name in DESTINATIONS if conf[name])
        raise ConfigError(
            f"[DEFAULT] {options}: the log cannot be written: {error}. Make the directory, and let "
            "the user that runs openstats write there"
        ) from error
    for handler in logging.getLogger().handlers:
        if type(handler.formatter) is ContextFormatter:
            kept = handler.formatter
            handler.setFormatter(
                Sentences(datefmt=kept.datefmt, project=kept.project, config=kept.conf)
            )


def reload(conf: Any) -> None:
    """Open log files anew, and take what may change from the configuration files."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.FileHandler):
            # It opens its file again at the next line.
            handler.close()
    try:
        # oslo.config would take a wrong value, and fail whoever needs it next.
        load(conf.config_file, conf.config_dir)
        changed = conf.mutate_config_files()
    except (cfg.Error, OSError) as error:
        LOG.error("the configuration stays as it was: %s", error)
    else:
        LOG.info("configuration and log files read again: %d options changed", len(changed))
