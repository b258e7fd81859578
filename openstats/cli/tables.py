"""How answers of the API become tables: columns, and cells that harm no terminal or spreadsheet."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from openstats.names import escaped

FORMULA = ("=", "+", "-", "@", "\t", "\r")
DOCUMENTS = ("json", "yaml")
"""Formatters that take values as they are, and spell what no terminal should act on themselves."""

Rows = tuple[Sequence[str], list[list[Any]]]


def printable(value: Any, formatter: str) -> Any:
    """Return a value as a cell of a table; text that somebody else chose is made harmless."""
    if formatter in DOCUMENTS:
        return value
    if isinstance(value, str):
        shown = escaped(value)
        return f"'{shown}" if formatter == "csv" and value.startswith(FORMULA) else shown
    if isinstance(value, Mapping | list):
        return printable(_flat(value), formatter)
    return value


def _flat(value: Any) -> str:
    """Return a nested value in a line: texts with commas, those of a mapping by name, or JSON."""
    if isinstance(value, Mapping) and _texts(value.values()):
        return ", ".join(f"{name}={text}" for name, text in value.items())
    if isinstance(value, list) and _texts(value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False)


def _texts(values: Iterable[Any]) -> bool:
    return all(isinstance(each, str) for each in values)


def rows(document: Sequence[Mapping[str, Any]], formatter: str) -> Rows:
    """Return the columns and rows of objects; what one of them lacks is empty."""
    columns = list(dict.fromkeys(name for entry in document for name in entry))
    return columns, [[printable(entry.get(c), formatter) for c in columns] for entry in document]
