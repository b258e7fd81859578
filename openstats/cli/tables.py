"""Table cells from values of the API, made safe for terminals and spreadsheets."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from openstats.names import escaped

FORMULA = ("=", "+", "-", "@", "\t", "\r")
DOCUMENTS = ("json", "yaml")
"""Formatters that take raw values, since they escape control characters themselves."""

TABLE = "table"
"""The formatter for people: it shows times as dates, and nested values in lines."""

TIMES = frozenset(
    {
        *("at", "created_at", "closed_at", "deleted_at", "collected_at", "last_polled_at"),
        *("complete_until", "from", "to"),
    }
)
"""Fields that contain Unix seconds."""

LINE = 88
"""Maximum characters of a nested value in one line."""

ColumnsAndRows = tuple[Sequence[str], list[list[object]]]
"""The columns of a table and its rows, as cliff wants them of a command that lists."""

ColumnsAndValues = tuple[Sequence[str], list[object]]
"""The columns and values of an entry, as cliff wants them of a command that shows."""


def cell(name: str, value: object, formatter: str) -> object:
    """Return a value as the cell of a column, escaped for the formatter."""
    if formatter != TABLE:
        return printable(value, formatter)
    if isinstance(value, Mapping | list):
        return "\n".join(map(escaped, _lines(value)))
    return printable(_dated(name, value), formatter)


def printable(value: object, formatter: str) -> object:
    """Return a value as a cell: texts escaped, None empty, booleans as in JSON.

    For the formatters in ``DOCUMENTS``, the value is returned unchanged.
    """
    if formatter in DOCUMENTS:
        return value
    if isinstance(value, str):
        text = escaped(value)
        return f"'{text}" if formatter == "csv" and value.startswith(FORMULA) else text
    if isinstance(value, Mapping | list):
        return printable(_flat(value), formatter)
    return _word(value)


def _word(value: object) -> object:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else value


def _dated(name: str, value: object) -> object:
    if name in TIMES and type(value) is int:
        return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%dT%H:%M:%SZ}"
    return value


def _lines(value: object) -> list[str]:
    """Return the lines of a nested value; parts that fit share one line."""
    if isinstance(value, list):
        if not _has_mappings(value):
            return [", ".join(map(str, value))]
        return [line for part in value for line in _lines(part)]
    if not isinstance(value, Mapping):
        return [str(_word(value))]
    if _has_mappings(value.values()):
        return [f"{name}: {line}" for name, part in value.items() for line in _part(name, part)]
    words = {name: _word(_dated(name, part)) for name, part in value.items()}
    line = ", ".join(f"{name}={word}" for name, word in words.items())
    return [line] if len(line) <= LINE else [f"{name}: {word}" for name, word in words.items()]


def _has_mappings(values: Iterable[object]) -> bool:
    return any(isinstance(value, Mapping) for value in values)


def _part(name: str, value: object) -> list[str]:
    return _lines(value) if isinstance(value, Mapping) else [str(_word(_dated(name, value)))]


def _flat(value: object) -> str:
    """Return a nested value in one line: texts joined by commas, NAME=TEXT pairs, or JSON."""
    if isinstance(value, Mapping) and _texts(value.values()):
        return ", ".join(f"{name}={text}" for name, text in value.items())
    if isinstance(value, list) and _texts(value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False)


def _texts(values: Iterable[object]) -> bool:
    return all(isinstance(value, str) for value in values)


def rows(columns: Sequence[str], document: Iterable[Mapping[str, object]]) -> ColumnsAndRows:
    """Return the columns and the rows of a list of objects; missing fields are None."""
    return columns, [[entry.get(name) for name in columns] for entry in document]
