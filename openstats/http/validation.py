"""What pydantic refuses, as sentences for callers; and how what they gave is shown to them."""

import json
import re
from typing import Any

from pydantic import BaseModel, ValidationError

from openstats.names import escaped

SHOWN = 100
"""Characters of a value that an error shows."""

KINDS = {
    "string_type": "must be a string",
    **dict.fromkeys(
        ("int_type", "int_parsing", "int_parsing_size", "int_from_float"), "must be an integer"
    ),
    "list_type": "must be a list",
    "dict_type": "must be a JSON object",
    "model_type": "must be a JSON object",
}
"""What is said where the kind of a value is wrong; pydantic's words name Python's types."""

PLAINER = {
    "^Input should be": "must be",
    "^[A-Z][a-z]+ should have": "must have",
    "greater than or equal to": "at least",
    "less than or equal to": "at most",
    " after validation, not": ", not",
}
"""By pydantic's words: ours, where these make no sentence."""


def sentences(model: type[BaseModel], invalid: ValidationError, what: str) -> list[str]:
    """Return a sentence for each problem; ``what`` is a parameter or a field."""
    errors = invalid.errors(include_url=False, include_context=False)
    return [*dict.fromkeys(_sentence(model, error, what) for error in errors)]


def _sentence(model: type[BaseModel], error: Any, what: str) -> str:
    place, given = error["loc"], error["input"]
    name = excerpt(".".join(map(str, place if what == "field" else place[:1])))
    if error["type"] == "missing":
        return f"{name}: required {what} is missing"
    if error["type"] == "extra_forbidden":
        known = f"; must be one of {', '.join(parameter_names(model))}" if len(place) == 1 else ""
        return f"{name}: unknown {what}{known}"
    message = error["msg"].removeprefix("Value error, ")
    for pattern, words in PLAINER.items():
        message = re.sub(pattern, words, message)
    told = KINDS.get(error["type"], message)
    return f"{name}={excerpt(given)}: {told}" if name else told


def excerpt(value: object) -> str:
    """Return what was given so that nothing in it can do harm, and not all of it.

    Of a body's values it is their JSON.
    """
    plain = isinstance(value, str)
    text = escaped(str(value) if plain else json.dumps(value, default=str, ensure_ascii=False))
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def parameter_names(model: type[BaseModel]) -> list[str]:
    """Return the names of a model's parameters, as they are spelled in a URL."""
    return [field.alias or name for name, field in model.model_fields.items()]
