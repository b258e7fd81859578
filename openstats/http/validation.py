"""What pydantic refuses, as sentences for callers; and how what they gave is shown to them."""

import json
import re
from typing import Any

from pydantic import BaseModel, ValidationError

from openstats.names import escaped

SHOWN = 100
"""Characters of a value that an error shows."""

KINDS = {
    "string_type": "it takes a text",
    **dict.fromkeys(
        ("int_type", "int_parsing", "int_parsing_size", "int_from_float"), "it takes a whole number"
    ),
    "list_type": "it takes a list",
    "dict_type": "it takes a JSON object",
    "model_type": "it takes a JSON object",
}
"""What is said where the kind of a value is wrong; pydantic's words name Python's types."""

PLAINER = {
    "greater than or equal to": "a number of at least",
    "less than or equal to": "a number of at most",
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
        return f"{name}: it is required"
    if error["type"] == "extra_forbidden":
        known = f"; there are {', '.join(parameter_names(model))}" if len(place) == 1 else ""
        return f"{name}: no such {what} here{known}"
    message = error["msg"].removeprefix("Value error, ")
    message = re.sub("^(Input should be|[A-Z][a-z]+ should have)", "it takes", message)
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
