"""Signals of services: a thread runs their actions, instead of Python's signal handlers."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from oslo_log import log

LOG = log.getLogger(__name__)

ENDING = (signal.SIGTERM, signal.SIGINT)
CLOSED = 0


@contextmanager
def handled(actions: Mapping[signal.Signals, Callable[[], None]]) -> Iterator[None]:
    """Run the action of each signal that arrives, until the block ends.

    A Python signal handler interrupts the main thread, which may hold a lock that the action needs.
    So C code writes the number of the signal to a pipe, and a thread reads it.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    old_handlers: dict[int, Any] = {}
    for name in actions:
        old_handlers[name] = signal.signal(name, lambda *_: None)
    old_fd = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    thread = threading.Thread(target=_act, args=(reading, actions), name="signals", daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(old_fd)
        for number, handler in old_handlers.items():
            signal.signal(number, handler)
        os.write(writing, bytes([CLOSED]))
        thread.join()
        os.close(reading)
        os.close(writing)


def _act(reading: int, actions: Mapping[signal.Signals, Callable[[], None]]) -> None:
    by_number = {int(number): action for number, action in actions.items()}
    while (number := os.read(reading, 1)[0]) != CLOSED:
        try:
            by_number.get(number, lambda: None)()
        except Exception:
            LOG.exception("a defect of openstats in handling signal %d", number)
