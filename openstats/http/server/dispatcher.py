"""The thread pool that answers requests, and its queues. Knows neither sockets nor HTTP."""

import logging
from collections import deque
from operator import itemgetter
from threading import Condition, Thread
from time import monotonic
from typing import Protocol

LOG = logging.getLogger(__name__)


class Task(Protocol):
    """A connection whose first request waits for its response."""

    writes: bool
    """Whether the request may write to the store, and thus wait for other writers."""

    def service(self) -> None:
        """Answer the request."""


class Dispatcher:
    """A pool of threads that writers can never occupy completely.

    A writer may have to wait for the write lock of the store. At most ``writers`` threads serve
    writers, and at least one thread is left to readers. Further writers wait in a queue.
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
        """End the threads; leave behind those that are still at work after ``timeout`` seconds."""
        with self._condition:
            self._stopped = True
            self._condition.notify_all()
        deadline = monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - monotonic()))
        if remaining := [thread.name for thread in self._threads if thread.is_alive()]:
            LOG.warning("left behind, still at work: %s", ", ".join(remaining))

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
        """Wait for the next task and return it; None after ``shutdown``."""
        with self._condition:
            while not self._stopped:
                if task := self._oldest_task():
                    if task.writes:
                        self._places -= 1
                    return task
                self._condition.wait()
        return None

    def _oldest_task(self) -> Task | None:
        """Remove and return the task that waited longest; None if no task may begin."""
        queues = [self._reads, self._writes] if self._places > 0 else [self._reads]
        heads = [(queue[0][0], queue) for queue in queues if queue]
        if not heads:
            return None
        _, queue = min(heads, key=itemgetter(0))
        return queue.popleft()[1]

    def _free_place(self) -> None:
        with self._condition:
            self._places += 1
            self._condition.notify()
