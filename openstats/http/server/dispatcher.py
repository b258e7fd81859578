"""The threads that answer requests; which request is next. Nothing of sockets or of HTTP."""

import logging
from collections import deque
from threading import Condition, Thread
from time import monotonic
from typing import Protocol

LOG = logging.getLogger(__name__)


class Task(Protocol):
    """A connection whose first request is to be answered."""

    writes: bool
    """Whether that request may write to the store, and so wait for other writers."""

    def service(self) -> None:
        """Answer it."""


class Dispatcher:
    """A pool of threads in which writers never take all.

    A writer may have to wait for the write lock of the store. At most ``writers`` threads do, and
    at least one is left to readers; further writers wait in the queue, where they occupy none.
    """

    def __init__(self, threads: int, writers: int) -> None:
        self._condition = Condition()
        self._reads: deque[tuple[float, Task]] = deque()
        self._writes: deque[tuple[float, Task]] = deque()
        self._places = max(1, min(writers, threads - 1))
        self._stopped = False
        self._threads = [
            Thread(target=self._work, name=f"request-{number}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def add_task(self, task: Task) -> None:
        """Put a connection at the end of its queue."""
        with self._condition:
            (self._writes if task.writes else self._reads).append((monotonic(), task))
            self._condition.notify()

    def shutdown(self, timeout: float) -> None:
        """End the threads; one that still waits for something is left behind after a while."""
        with self._condition:
            self._stopped = True
            self._condition.notify_all()
        deadline = monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - monotonic()))
        if remaining := [thread.name for thread in self._threads if thread.is_alive()]:
            LOG.warning("still at work, and left behind: %s", ", ".join(remaining))

    def _work(self) -> None:
        while task := self._next():
            writes = task.writes
            try:
                task.service()
            except Exception:
                LOG.exception("a defect of openstats: a request could not be served")
            finally:
                if writes:
                    self._free_place()

    def _next(self) -> Task | None:
        """Return the task that waited longest of those that may begin; None when all is over."""
        with self._condition:
            while not self._stopped:
                queues = [self._reads] + [self._writes] * (self._places > 0)
                if waiting := [queue for queue in queues if queue]:
                    queue = min(waiting, key=lambda each: each[0][0])
                    _, task = queue.popleft()
                    self._places -= task.writes
                    return task
                self._condition.wait()
        return None

    def _free_place(self) -> None:
        with self._condition:
            self._places += 1
            self._condition.notify()
