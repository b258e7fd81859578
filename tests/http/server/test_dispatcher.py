"""The threads that answer requests: whose turn it is, and how many writers wait at once."""

from collections.abc import Callable, Iterator
from threading import Event

import pytest

from openstats.http.server.dispatcher import Dispatcher


class RecordedTask:
    """A task that notes its name, once it may."""

    def __init__(self, name: str, served: list[str], *, writes: bool = False) -> None:
        self.name, self.served, self.writes = name, served, writes
        self.begun, self.may_end = Event(), Event()

    def service(self) -> None:
        self.begun.set()
        assert self.may_end.wait(10)
        self.served.append(self.name)


@pytest.fixture
def start() -> Iterator[Callable[[int, int], Dispatcher]]:
    dispatchers: list[Dispatcher] = []

    def start(threads: int, writers: int) -> Dispatcher:
        dispatchers.append(Dispatcher(threads, writers))
        return dispatchers[-1]

    yield start
    for dispatcher in dispatchers:
        dispatcher.shutdown(10)


def test_the_request_that_waited_longest_is_next_whether_it_writes_or_not(
    start: Callable[[int, int], Dispatcher],
) -> None:
    dispatcher, served = start(1, 1), list[str]()
    names = ["first", "write", "read", "last write"]
    tasks = [RecordedTask(name, served, writes="write" in name) for name in names]
    for task in tasks:
        dispatcher.add_task(task)
    for task in tasks:
        assert task.begun.wait(10)
        task.may_end.set()
    dispatcher.shutdown(10)
    assert served == names


def test_a_writer_too_many_waits_while_readers_pass(
    start: Callable[[int, int], Dispatcher],
) -> None:
    dispatcher, served = start(2, 1), list[str]()
    writer, waiting_writer = (RecordedTask(name, served, writes=True) for name in "ab")
    reader = RecordedTask("reader", served)
    for task in (writer, waiting_writer, reader):
        dispatcher.add_task(task)
    assert reader.begun.wait(10)
    assert not waiting_writer.begun.is_set()
    for task in (reader, writer):
        task.may_end.set()
    assert waiting_writer.begun.wait(10)
    waiting_writer.may_end.set()
