"""The threads of a collector: each cloud has its own, so that clouds do not wait for another."""

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, Future
from functools import partial
from queue import SimpleQueue
from threading import Lock, Semaphore, Thread
from typing import Any, ParamSpec, TypeVar

from openstats.errors import StoppedError

Arguments = ParamSpec("Arguments")
Value = TypeVar("Value")
QueuedCall = tuple[Future[Any], Callable[[], Any]]


class Workers(Executor):
    """An executor with daemon threads: a hanging call does not keep the process from ending.

    At exit, Python waits for the threads of ``concurrent.futures`` executors without a timeout.
    """

    def __init__(self, size: int, name: str) -> None:
        self._size = size
        self._name = name
        self._tasks: SimpleQueue[QueuedCall | None] = SimpleQueue()
        self._idle = Semaphore(0)
        self._threads: list[Thread] = []
        self._closed = False
        self._lock = Lock()

    def submit(
        self, call: Callable[Arguments, Value], /, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Future[Value]:
        """Queue a call; start a thread for it if none is idle and fewer than ``size`` are running.

        Raises:
            StoppedError: the executor was shut down.
        """
        future: Future[Value] = Future()
        with self._lock:
            if self._closed:
                raise StoppedError(f"{self._name}: stopped before the next call")
            self._tasks.put((future, partial(call, *args, **kwargs)))
            if not self._idle.acquire(blocking=False) and len(self._threads) < self._size:
                name = f"{self._name}-{len(self._threads)}"
                self._threads.append(Thread(target=self._work, name=name, daemon=True))
                self._threads[-1].start()
        return future

    def _work(self) -> None:
        while task := self._tasks.get():
            _make(*task)
            # Release the values of this call before waiting for the next one.
            del task
            self._idle.release()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the threads after their calls; ``cancel_futures`` cancels queued calls."""
        with self._lock:
            self._closed = True
            while cancel_futures and not self._tasks.empty():
                if task := self._tasks.get():
                    task[0].cancel()
                    # cancel() alone does not wake concurrent.futures.wait().
                    task[0].set_running_or_notify_cancel()
            for _ in self._threads:
                self._tasks.put(None)
        if wait:
            self.join(None)

    def join(self, seconds: float | None) -> bool:
        """Wait up to ``seconds`` for the threads after ``shutdown``; return whether all ended."""
        ends_at = None if seconds is None else time.monotonic() + seconds
        for thread in self._threads:
            thread.join(None if ends_at is None else max(0.0, ends_at - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)


def _make(future: Future[Value], call: Callable[[], Value]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(call())
    except BaseException as error:
        future.set_exception(error)


class Crew:
    """The threads of one cloud: ``size`` for jobs, and ``size`` for concurrent calls of jobs."""

    def __init__(self, cloud: str, size: int) -> None:
        self.jobs = Workers(size, f"poll-{cloud}")
        self.calls = Workers(size, f"call-{cloud}")
        self._under_way: set[Future[None]] = set()

    @property
    def jobs_under_way(self) -> int:
        """The number of jobs that have not ended."""
        self._under_way = {future for future in self._under_way if not future.done()}
        return len(self._under_way)

    def submit(self, job: Callable[[], None]) -> Future[None]:
        """Run a job in a thread of this cloud."""
        future = self.jobs.submit(job)
        self._under_way.add(future)
        return future


class Crews:
    """The crews of all clouds; each has ``size`` threads for jobs and ``size`` for calls."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._crews: dict[str, Crew] = {}
        self._lock = Lock()

    def crew(self, cloud: str) -> Crew:
        """Return the crew of a cloud; create it on first use."""
        with self._lock:
            if cloud not in self._crews:
                self._crews[cloud] = Crew(cloud, self._size)
            return self._crews[cloud]

    def free(self, clouds: Iterable[str]) -> Mapping[str, int]:
        """Return the number of free job threads of each cloud; leave out clouds without any."""
        free: dict[str, int] = {}
        for cloud in clouds:
            number = self._size - self.crew(cloud).jobs_under_way
            if number > 0:
                free[cloud] = number
        return free

    def close(self, seconds: float) -> None:
        """End all threads, and wait for them at most ``seconds``."""
        ends_at = time.monotonic() + seconds
        crews = self._crews.values()
        pools = [*(crew.jobs for crew in crews), *(crew.calls for crew in crews)]
        for pool in pools:
            pool.shutdown(wait=False, cancel_futures=True)
        for pool in pools:
            pool.join(max(0.0, ends_at - time.monotonic()))
