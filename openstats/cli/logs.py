"""Logging: what the doors that stay open tell, and those that end do not."""

import logging
from typing import Any

from oslo_log import log


def quiet() -> None:
    """Leave errors to whoever prints them at the end: none is told twice."""
    for name in ("openstats", "keystoneauth"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def to_stderr(conf: Any) -> None:
    """Have oslo.log write as its options say; by default to stderr, openstats at INFO."""
    conf.set_default("use_stderr", True)
    log.setup(conf, "openstats")
