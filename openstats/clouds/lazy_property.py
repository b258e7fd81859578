"""Values that an object makes at their first use and keeps.

``functools.cached_property`` of Python 3.11 has one lock for all objects of a class, so that one
cloud would wait for another's; later it has none, and two threads make two values.
"""

from collections.abc import Callable
from threading import RLock
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class LazyProperty(Generic[Value]):
    """A property whose value one thread makes, once for each object."""

    def __init__(self, make: Callable[[Any], Value]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, _: type, name: str) -> None:
        self._name = name

    def __get__(self, owner: Any, _: type | None = None) -> Value:
        # Once it is made, the value in the object's own dictionary is found before this.
        with owner.__dict__.setdefault(f"_lock_of_{self._name}", RLock()):
            if self._name not in owner.__dict__:
                owner.__dict__[self._name] = self._make(owner)
            value: Value = owner.__dict__[self._name]
            return value


def forget(owner: Any, name: str) -> None:
    """Have a value made anew at its next use."""
    owner.__dict__.pop(name, None)
