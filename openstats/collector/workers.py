"""Threads of a collector: each cloud has its own, so that no cloud waits for another's calls."""

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, Future
from functools import partial
from queue import SimpleQueue
from threading import Lock, Semaphore, Thread
from typing import Any

from openstats.errors import StoppedError

Task = tuple[Future[Any], Callable[[], Any]]


class Workers(Executor):
    """An executor whose threads do not keep a process from ending, even if a call hangs.

    Those of ``concurrent.futures`` are waited for, however long a cloud is silent.
    """

    def __init__(self, size: int, name: str) -> None:
        self._size = size
        self._name = name
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._idle = Semaphore(0)
        self._threads: list[Thread] = []
        self._closed = False
        self._lock = Lock()

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Make a call in a thread: one that is idle, or a new one while there are not too many.

        Raises:
            StoppedError: no call is made any more.
        """
        future: Future[Any] = Future()
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
            # The last call's values must not live until the next one.
            del task
            self._idle.release()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the threads after their calls; ``cancel_futures`` cancels calls that wait for one."""
        with self._lock:
            self._closed = True
            while cancel_futures and not self._tasks.empty():
                if task := self._tasks.get():
                    task[0].cancel()
                    # Only this wakes those that wait for it.
                    task[0].set_running_or_notify_cancel()
            for _ in self._threads:
                self._tasks.put(None)
        if wait:
            self.join(None)

    def join(self, seconds: float | None) -> bool:
        """Wait for the threads to end after ``shutdown``; return whether all did."""
        ends_at = None if seconds is None else time.monotonic() + seconds
        for thread in self._threads:
            thread.join(None if ends_at is None else max(0.0, ends_at - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)


def _make(future: Future[Any], call: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(call())
    except BaseException as error:
        future.set_exception(error)


class Crew:
    """The threads of one cloud: for its jobs, and for calls that a job makes side by side."""

    def __init__(self, cloud: str, size: int) -> None:
        self.jobs = Workers(size, f"poll-{cloud}")
        self.calls = Workers(size, f"call-{cloud}")
        self._under_way: set[Future[None]] = set()

    @property
    def jobs_under_way(self) -> int:
        """How many jobs are under way."""
        self._under_way = {future for future in self._under_way if not future.done()}
        return len(self._under_way)

    def submit(self, job: Callable[[], None]) -> Future[None]:
        """Do a job in a thread of this cloud."""
        future = self.jobs.submit(job)
        self._under_way.add(future)
        return future


class Crews:
    """The crews of all clouds, ``size`` threads for jobs and as many for calls in each."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._crews: dict[str, Crew] = {}
        self._lock = Lock()

    def crew(self, cloud: str) -> Crew:
        """Return a cloud's crew."""
        with self._lock:
            if cloud not in self._crews:
                self._crews[cloud] = Crew(cloud, self._size)
            return self._crews[cloud]

    def free(self, clouds: Iterable[str]) -> Mapping[str, int]:
        """Return how many free threads each cloud has for jobs; clouds without any are left out."""
        free: dict[str, int] = {}
        for cloud in clouds:
            number = self._size - self.crew(cloud).jobs_under_way
            if number > 0:
                free[cloud] = number
        return free

    def close(self, seconds: float) -> None:
        """End all threads, and wait for them no longer than so many seconds."""
        ends_at = time.monotonic() + seconds
        crews = self._crews.values()
        pools = [*(crew.jobs for crew in crews), *(crew.calls for crew in crews)]
        for pool in pools:
            pool.shutdown(wait=False, cancel_futures=True)
        for pool in pools:
            pool.join(max(0.0, ends_at - time.monotonic()))
