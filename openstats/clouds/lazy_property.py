"""A thread-safe property that is computed on first use, with one lock for each object.

``functools.cached_property`` of Python 3.11 has one lock for all objects of a class: one cloud
would wait for another. Later versions have no lock: two threads may compute two values.
"""

from collections.abc import Callable
from threading import RLock
from typing import Generic, TypeVar

Owner = TypeVar("Owner")
Value = TypeVar("Value")


class LazyProperty(Generic[Owner, Value]):
    """A property whose value is computed once for each object, by one thread."""

    def __init__(self, make: Callable[[Owner], Value]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, _: type, name: str) -> None:
        self._name = name

    def __get__(self, owner: Owner, _: type | None = None) -> Value:
        # A computed value is in the object's dictionary, which precedes this descriptor.
        with owner.__dict__.setdefault(f"_lock_of_{self._name}", RLock()):
            if self._name not in owner.__dict__:
                owner.__dict__[self._name] = self._make(owner)
            value: Value = owner.__dict__[self._name]
            return value


def forget(owner: object, name: str) -> None:
    """Drop the value of a lazy property: the next use computes it again."""
    owner.__dict__.pop(name, None)
