"""Error messages for callers: pydantic's errors as sentences, and excerpts of invalid values."""

import json
import re

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from openstats.errors import must_be
from openstats.names import escaped

EXCERPT = 100
"""Maximum number of characters of a value that an error shows."""

KINDS = {
    "string_type": "must be a string",
    **dict.fromkeys(
        ("int_type", "int_parsing", "int_parsing_size", "int_from_float"), "must be an integer"
    ),
    "list_type": "must be a list",
    "dict_type": "must be a JSON object",
    "model_type": "must be a JSON object",
}
"""Messages for values of the wrong type, since pydantic's own messages name Python's types."""

PLAINER = {
    "^Input should be": "must be",
    "^[A-Z][a-z]+ should have": "must have",
    "greater than or equal to": "at least",
    "less than or equal to": "at most",
    " after validation, not": ", not",
}
"""Replacements in pydantic's messages, as regular expressions, so that they form sentences."""


def sentences(model: type[BaseModel], invalid: ValidationError, kind: str) -> list[str]:
    """Return a sentence for each problem; ``kind`` is ``parameter`` or ``field``."""
    errors = invalid.errors(include_url=False, include_context=False)
    return [*dict.fromkeys(_sentence(model, error, kind) for error in errors)]


def _sentence(model: type[BaseModel], error: ErrorDetails, kind: str) -> str:
    location = error["loc"]
    # For a parameter, the rest of the location is only an index into its values.
    name = excerpt(".".join(map(str, location if kind == "field" else location[:1])))
    if error["type"] == "missing":
        return f"{name}: required {kind} is missing"
    if error["type"] == "extra_forbidden":
        if len(location) > 1:
            return f"{name}: unknown {kind}"
        return f"{name}: unknown {kind}; {must_be(parameter_names(model))}"
    message = error["msg"].removeprefix("Value error, ")
    for pattern, words in PLAINER.items():
        message = re.sub(pattern, words, message)
    if error["type"] == "too_short" and isinstance(error["input"], str):
        message = "must not be empty"
    message = KINDS.get(error["type"], message)
    return f"{name}={excerpt(error['input'])}: {message}" if name else message


def excerpt(value: object) -> str:
    """Return the beginning of a value, escaped for terminals and logs.

    A value that is not a string is shown as JSON.
    """
    is_text = isinstance(value, str)
    text = escaped(str(value) if is_text else json.dumps(value, default=str, ensure_ascii=False))
    return text if len(text) <= EXCERPT else f"{text[:EXCERPT]}..."


def parameter_names(model: type[BaseModel]) -> list[str]:
    """Return the names of a model's parameters as spelled in a URL."""
    return [field.alias or name for name, field in model.model_fields.items()]
