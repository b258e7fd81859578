"""Figures that clouds give: each has a type and a range; what has not is that cloud's error.

The bounds are wide enough for every real cloud, and so narrow that what a hundred thousand tenants
have can be added in 64 bits, by SQL as well.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from openstats.meters import UNLIMITED
from openstats.model import Quota
from openstats.unix_time import LATEST

LARGEST = 2**46
"""Of sums that a service makes, and of quotas in our units. OpenStack's columns end at 2**31."""

LARGEST_PART = 2**31 - 1
"""Of what one server, flavor or volume has: OpenStack's columns have no more, nor have ours."""

LARGEST_RATIO = 1e6
"""Of allocation ratios: some operators mean "do not look at disk" by one of 9,999."""


class FigureError(ValueError):
    """A figure is of another type, or beyond its range; the message says which, and what may be."""


def whole(figures: Mapping[str, Any], name: str, most: int = LARGEST, least: int = 0) -> int:
    """Return an integer of an answer.

    Raises:
        FigureError: it is none, or beyond its range.
        LookupError: there is none of that name.
    """
    value = figures[name]
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise FigureError(f"{_shown(name, value)}, not an integer from {least} to {most}")
    return value


def part(figures: Mapping[str, Any], name: str) -> int:
    """Return an integer of one server, flavor or volume; raises as ``whole``."""
    return whole(figures, name, LARGEST_PART)


def signed(figures: Mapping[str, Any], name: str) -> int:
    """Return an integer that may be negative, as what is free where more was given away."""
    return whole(figures, name, least=-LARGEST)


def quota(figures: Mapping[str, Any], resource: str, factor: int = 1) -> Quota:
    """Return limit and use of a resource in our units, ``factor`` of which are one of the cloud's.

    Services that lose count, or do not count at all, say that less than nothing is in use: how
    much it is, is not known. Raises as ``whole``.
    """
    most = LARGEST // factor
    named = {f"{resource} {name}": value for name, value in figures[resource].items()}
    limit = whole(named, f"{resource} limit", most, UNLIMITED)
    in_use = whole(named, f"{resource} in_use", most)
    return Quota(limit if limit == UNLIMITED else limit * factor, in_use * factor)


def ratio(figures: Mapping[str, Any], name: str) -> float:
    """Return an allocation ratio; raises as ``whole``."""
    value = figures[name]
    real = isinstance(value, int | float) and not isinstance(value, bool)
    if not real or not 0 <= value <= LARGEST_RATIO:
        raise FigureError(f"{_shown(name, value)}, not a number from 0 to {LARGEST_RATIO:.0f}")
    return float(value)


def measured(name: str, value: Any) -> float:
    """Return a measured value, which may be written as a text, or ``nan``: nobody knows it.

    Raises:
        FigureError: it is no number, or none that can be added up.
    """
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.inf
    if isinstance(value, bool) or abs(number) > float(2**63):
        raise FigureError(f"{_shown(name, value)}, not a number of at most 2^63")
    return number


def moment(figures: Mapping[str, Any], name: str) -> int:
    """Return a date of an answer in Unix seconds; without a zone it is UTC.

    Raises:
        FigureError: it is no date, or none of this age.
        LookupError: there is none of that name.
    """
    value = figures[name]
    try:
        date = datetime.fromisoformat(value)
        seconds = int((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp())
    except (TypeError, ValueError, OverflowError):
        seconds = -1
    if not 0 <= seconds <= LATEST:
        raise FigureError(f"{_shown(name, value)}, not a date from 1970 to 2100")
    return seconds


def _shown(name: str, value: Any) -> str:
    return f"{name} is {repr(value)[:60]}"
