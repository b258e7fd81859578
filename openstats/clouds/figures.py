"""Figures that clouds send: each has a type and a range; one without is that cloud's error.

The bounds are wide enough for every real cloud, and so narrow that the figures of a hundred
thousand tenants can be added in 64 bits, by SQL as well.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from openstats.meters import UNLIMITED
from openstats.model import Quota
from openstats.unix_time import LATEST

Row = Mapping[str, Any]
"""An object of an answer."""

LARGEST = 2**46
"""The largest sum of a service, and quota in our units. OpenStack's columns end at 2**31."""

LARGEST_PART = 2**31 - 1
"""The largest figure of one server, flavor or volume: columns of OpenStack and ours end there."""

LARGEST_RATIO = 1e6
"""The largest allocation ratio: some operators mean "do not look at disk" by 9,999."""


class FigureError(ValueError):
    """A figure has another type or is out of its range; the message says what is allowed."""


def whole(figures: Row, name: str, largest: int = LARGEST, smallest: int = 0) -> int:
    """Return an integer of an answer.

    Raises:
        FigureError: it is none, or out of its range.
        LookupError: there is none of that name.
    """
    value = figures[name]
    if isinstance(value, bool) or not isinstance(value, int) or not smallest <= value <= largest:
        raise FigureError(f"{_pair(name, value)}, not an integer from {smallest} to {largest}")
    return value


def part(figures: Row, name: str) -> int:
    """Return an integer of one server, flavor or volume; raises as ``whole``."""
    return whole(figures, name, LARGEST_PART)


def signed(figures: Row, name: str) -> int:
    """Return an integer that may be negative, such as free memory where more was given away."""
    return whole(figures, name, smallest=-LARGEST)


def quota(figures: Row, resource: str, factor: int = 1) -> Quota:
    """Return limit and use of a resource in our units, ``factor`` of which are one of the cloud's.

    A negative use is refused: services that lose count, or do not count at all, send it. Raises as
    ``whole``.
    """
    largest = LARGEST // factor
    parts = {f"{resource} {name}": value for name, value in figures[resource].items()}
    limit = whole(parts, f"{resource} limit", largest, UNLIMITED)
    in_use = whole(parts, f"{resource} in_use", largest)
    return Quota(limit if limit == UNLIMITED else limit * factor, in_use * factor)


def ratio(figures: Row, name: str) -> float:
    """Return an allocation ratio; raises as ``whole``."""
    value = figures[name]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= LARGEST_RATIO:
        raise FigureError(f"{_pair(name, value)}, not a number from 0 to {LARGEST_RATIO:.0f}")
    return float(value)


def measured(name: str, value: Any) -> float:
    """Return a measured value, which may be a text; ``nan`` where the source has none.

    Raises:
        FigureError: it is no number, or too large to be added up.
    """
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.inf
    if isinstance(value, bool) or abs(number) > float(2**63):
        raise FigureError(f"{_pair(name, value)}, not a number of at most 2^63")
    return number


def moment(figures: Row, name: str) -> int:
    """Return a date of an answer in Unix seconds; without a zone it is UTC.

    Raises:
        FigureError: it is no date, or none from 1970 to 2100.
        LookupError: there is none of that name.
    """
    value = figures[name]
    try:
        date = datetime.fromisoformat(value)
        seconds = int((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp())
    except (TypeError, ValueError, OverflowError):
        seconds = -1
    if not 0 <= seconds <= LATEST:
        raise FigureError(f"{_pair(name, value)}, not a date from 1970 to 2100")
    return seconds


def _pair(name: str, value: object) -> str:
    return f"{name} is {repr(value)[:60]}"
