"""The lines of ``openstats check``: what was tried, what came of it, and what there is to say."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

OK, FAILED, NO_RIGHT, NOT_TRIED = "ok", "failed", "no right", "not tried"
WARNING = "warning"
"""Of what works, and should not stay so: the exit status is 0."""

LEFT_ASIDE = "left aside"
SHARED = "shared"
"""Of a service that an earlier region names, too: it counts there."""

HARMLESS = (OK, WARNING, LEFT_ASIDE, SHARED)


class Line(NamedTuple):
    """A line of the table."""

    what: str
    state: str
    said: str


class Doubt(str):
    """Words of an attempt that works, and whose result is hardly meant: its line is a warning."""

    __slots__ = ()


Attempt = Callable[[], str]
Trial = Callable[[Any, str, str, Attempt], Iterable[Line]]
"""Makes lines of (whom to ask for rights, what it is called, its kind, the attempt)."""


def not_tried(what: str, cause: str) -> Line:
    """Return the line of what cannot be tried because something else failed."""
    return Line(what, NOT_TRIED, f"see {cause}")


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number and its noun, in the singular for one."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"
