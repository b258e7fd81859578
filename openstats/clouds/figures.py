"""Figures that clouds send: checks of their types and ranges.

The ranges include every real cloud. The sum of the figures of a hundred thousand tenants fits into
64 bits, also in SQL.
"""

import math
from datetime import UTC, datetime

from openstats.clouds.json_documents import JsonObject, JsonValue
from openstats.meters import UNLIMITED
from openstats.model import Quota
from openstats.unix_time import LATEST

LARGEST = 2**46
"""The largest sum of a service, and the largest quota in openstats' units.

OpenStack's columns end at 2**31.
"""

LARGEST_PART = 2**31 - 1
"""The largest figure of one server, flavor or volume: the columns have 32 bits."""

LARGEST_RATIO = 1e6
"""The largest allocation ratio: some operators set 9,999 to ignore disk."""


class FigureError(ValueError):
    """A figure has a wrong type or is out of range; the message states what is allowed."""


def integer(figures: JsonObject, name: str, largest: int = LARGEST, smallest: int = 0) -> int:
    """Return an integer of an answer.

    Raises:
        FigureError: the value is not an integer, or out of range.
        LookupError: there is no value of that name.
    """
    value = figures[name]
    if isinstance(value, bool) or not isinstance(value, int) or not smallest <= value <= largest:
        raise FigureError(f"{_pair(name, value)}, not an integer from {smallest} to {largest}")
    return value


def integer_of_item(figures: JsonObject, name: str) -> int:
    """Return an integer of one server, flavor or volume; raise as ``integer`` does."""
    return integer(figures, name, LARGEST_PART)


def signed_integer(figures: JsonObject, name: str) -> int:
    """Return an integer that may be negative, such as free memory of an overcommitted host."""
    return integer(figures, name, smallest=-LARGEST)


def quota(figures: JsonObject, resource: str, factor: int = 1) -> Quota:
    """Return the limit and usage of a resource, multiplied by ``factor``.

    Refuse a negative usage, which services report if their counters are wrong or missing. Raise as
    ``integer`` does.
    """
    largest = LARGEST // factor
    parts = {f"{resource} {name}": value for name, value in figures[resource].items()}
    limit = integer(parts, f"{resource} limit", largest, UNLIMITED)
    in_use = integer(parts, f"{resource} in_use", largest)
    return Quota(limit if limit == UNLIMITED else limit * factor, in_use * factor)


def ratio(figures: JsonObject, name: str) -> float:
    """Return an allocation ratio; raise as ``integer`` does."""
    value = figures[name]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= LARGEST_RATIO:
        raise FigureError(f"{_pair(name, value)}, not a number from 0 to {LARGEST_RATIO:.0f}")
    return float(value)


def measured(name: str, value: JsonValue) -> float:
    """Return a measured value, which may be a string; ``nan`` is allowed.

    Raises:
        FigureError: the value is not a number, or too large for sums.
    """
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.inf
    if isinstance(value, bool) or abs(number) > float(2**63):
        raise FigureError(f"{_pair(name, value)}, not a number of at most 2^63")
    return number


def moment(figures: JsonObject, name: str) -> int:
    """Return a date of an answer in Unix seconds; a date without a time zone is UTC.

    Raises:
        FigureError: the value is not a date between 1970 and 2100.
        LookupError: there is no value of that name.
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
