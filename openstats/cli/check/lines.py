"""The lines of ``openstats check``: the check, its status, and the detail."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

OK, FAILED, NO_RIGHT, NOT_TRIED = "ok", "failed", "no permission", "skipped"
WARNING = "warning"
"""Status of a check that passes with something to correct: the exit status stays 0."""

LEFT_ASIDE = "duplicate"
"""Status of an entry for a cloud that another entry is used for."""

SHARED = "shared"
"""Status of a service that an earlier region has, too: its figures count there."""

HARMLESS = (OK, WARNING, LEFT_ASIDE, SHARED)


class Line(NamedTuple):
    """A line of the table."""

    check: str
    status: str
    detail: str


class Doubt(str):
    """Detail of an attempt that works with a doubtful result: its line is a warning."""

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
