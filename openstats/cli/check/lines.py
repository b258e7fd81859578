"""The lines of ``openstats check``: the check, its status, and the detail."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

OK, FAILED, NO_RIGHT, NOT_TRIED = "ok", "failed", "no permission", "skipped"
WARNING = "warning"
"""Status of a check that passes with something to correct: the exit status stays 0."""

DUPLICATE = "duplicate"
"""Status of an entry for a cloud that another entry is used for."""

SHARED = "shared"
"""Status of a service that an earlier region has, too: its figures count there."""

HARMLESS = (OK, WARNING, DUPLICATE, SHARED)


class Line(NamedTuple):
    """A line of the table."""

    check: str
    status: str
    detail: str


class DoubtfulDetail(str):
    """Detail of an attempt that works with a doubtful result: its line is a warning."""

    __slots__ = ()


Attempt = Callable[[], str]
"""Tries something, and returns the detail of its line."""

Trial = Callable[[Any, str, str, Attempt], Iterable[Line]]
"""Returns the lines of (what to ask for rights, the check of the line, the step, the attempt)."""


def not_tried(check: str, cause: str) -> Line:
    """Return the line of a check that cannot be tried because another one failed."""
    return Line(check, NOT_TRIED, f"see {cause}")


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number and its noun, in the singular for one."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"
