"""The lines of ``openstats check``: the check, its status, and the detail."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from openstats.clouds.missing_rights import Probe

OK, FAILED, NO_RIGHT, SKIPPED = "ok", "failed", "no permission", "skipped"
WARNING = "warning"
"""Status of a check that passes but needs attention: the exit status stays 0."""

DUPLICATE = "duplicate"
"""Status of an entry whose cloud is read by another entry."""

SHARED = "shared"
"""Status of a service that an earlier region shares; its figures count there."""

HARMLESS = (OK, WARNING, DUPLICATE, SHARED)


class Line(NamedTuple):
    """A line of the table of ``openstats check``."""

    check: str
    status: str
    detail: str


class DoubtfulDetail(str):
    """The detail of an attempt that succeeds with a doubtful result, which becomes a warning."""

    __slots__ = ()


Attempt = Callable[[], str]
"""A function that tries something, and returns the detail of its line."""

Trial = Callable[["Probe", str, str, Attempt], Iterable[Line]]
"""A function of a probe for rights, the name of the check, the step and the attempt."""


def skipped_line(check: str, cause: str) -> Line:
    """Return the line of a check that is skipped because another one failed."""
    return Line(check, SKIPPED, f"see {cause}")
