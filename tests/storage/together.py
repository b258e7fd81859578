"""Calls that are made at the same moment, by threads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from openstats.storage.store import Database, Store

WRITERS = 4
ROUNDS = 5


def together(store: Store, write: Callable[[Database, int, int], object]) -> None:
    """Have every writer write in a transaction of its own, all of a round at the same moment."""
    start = Barrier(WRITERS)

    def writer(number: int) -> None:
        try:
            for turn in range(ROUNDS):
                start.wait(timeout=60)
                with store.transaction() as db:
                    write(db, number, turn)
        except BaseException:
            start.abort()  # The others wait for nobody.
            raise

    with ThreadPoolExecutor(WRITERS) as pool:
        for done in [pool.submit(writer, number) for number in range(WRITERS)]:
            done.result(timeout=120)
