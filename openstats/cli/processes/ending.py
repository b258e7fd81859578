"""The end of commands that stay: a process that was told to stop stops, whatever it waits for."""

import os
import sys
from threading import Thread

from oslo_log import log

LOG = log.getLogger(__name__)


def wait_for(thread: Thread, seconds: float) -> None:
    """Wait for the collector; end the process when a poll still hangs after ``seconds``.

    Its lease runs out by itself. Python would wait for its threads until the cloud answers.
    """
    thread.join(seconds)
    if thread.is_alive():
        LOG.warning("polls are still under way after %.0f s: their leases run out", seconds)
        sys.stderr.flush()
        os._exit(0)
