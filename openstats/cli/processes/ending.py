"""Termination of services: a process that is stopped ends, even if a poll hangs."""

import os
import sys
from threading import Thread

from oslo_log import log

LOG = log.getLogger(__name__)


def wait_for(thread: Thread, seconds: float) -> None:
    """Wait for the collector's thread; exit the process if it still runs after ``seconds``.

    Python itself would wait for the threads until the cloud answers. The lease of the poll expires
    by itself.
    """
    thread.join(seconds)
    if thread.is_alive():
        LOG.warning("polls are still under way after %.0f s: their leases run out", seconds)
        sys.stderr.flush()
        os._exit(0)
