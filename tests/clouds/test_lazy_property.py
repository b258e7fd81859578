"""Lazy properties: one value for each object, and no object waits for another."""

from threading import Barrier, Thread

from openstats.clouds.lazy_property import LazyProperty, forget


class Slow:
    """Has a value that is made only once two threads are making one."""

    barrier = Barrier(2)
    number = 0

    @LazyProperty
    def value(self) -> int:
        """Return how many values there are."""
        Slow.barrier.wait(10)
        Slow.number += 1
        return Slow.number


class Quick:
    """Has a value that counts how often it is made."""

    number = 0

    @LazyProperty
    def value(self) -> int:
        """Return how many values this object has had."""
        self.number += 1
        return self.number


def test_values_are_made_once_and_objects_do_not_wait_for_one_another() -> None:
    objects = [Slow(), Slow()]
    threads = [Thread(target=lambda owner=owner: owner.value) for owner in objects * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(owner.value for owner in objects) == [1, 2]


def test_a_value_that_is_forgotten_is_made_anew() -> None:
    owner = Quick()
    assert (owner.value, owner.value) == (1, 1)
    forget(owner, "value")
    assert owner.value == 2
