"""Error messages for callers: pydantic's errors as sentences, and excerpts of invalid values."""

import json
from collections.abc import Iterator
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from openstats.errors import must_be
from openstats.names import escaped

EXCERPT = 100
"""Maximum number of characters of a value that an error shows."""

Location = tuple[int | str, ...]
"""The names of nested fields, outermost first, with the indexes of list elements."""

NOT_INTEGER = "must be an integer"
NOT_OBJECT = "must be a JSON object"
NOT_TIME = "must be an ISO 8601 time with a date, such as 2026-11-22T00:00:00Z"
MESSAGES = {
    "string_type": "must be a string",
    "bool_type": "must be true or false",
    "int_type": NOT_INTEGER,
    "int_parsing": NOT_INTEGER,
    "int_parsing_size": NOT_INTEGER,
    "int_from_float": NOT_INTEGER,
    "datetime_type": NOT_TIME,
    "datetime_parsing": NOT_TIME,
    "datetime_from_date_parsing": NOT_TIME,
    "datetime_object_invalid": NOT_TIME,
    "list_type": "must be a list",
    "dict_type": NOT_OBJECT,
    "model_type": NOT_OBJECT,
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "too_long": "must have at most {max_length} entries",
    "value_error": "{error}",
}
"""Messages by pydantic's types of errors; its own messages name Python's types."""


def sentences(
    model: type[BaseModel], invalid: ValidationError, kind: str, location: Location = ()
) -> list[str]:
    """Return a sentence for each problem.

    Args:
        model: the model that the value does not fit.
        invalid: pydantic's errors.
        kind: ``parameter`` or ``field``.
        location: where the value is in the body; empty if it is the whole body.
    """
    errors = invalid.errors(include_url=False)
    return [*dict.fromkeys(_sentence(model, error, kind, location) for error in errors)]


def _sentence(model: type[BaseModel], error: ErrorDetails, kind: str, location: Location) -> str:
    inner = error["loc"]
    # For a parameter, the rest of the location is only an index into its values.
    shown = (*location, *inner) if kind == "field" else inner[:1]
    name = excerpt(".".join(map(str, shown)))
    if error["type"] == "missing":
        return f"{name}: required {kind} is missing"
    if error["type"] == "extra_forbidden":
        allowed = must_be(parameter_names(_model_at(model, inner[:-1])))
        return f"{name}: unknown {kind}; {allowed}"
    message = MESSAGES.get(error["type"], "{message}")
    message = message.format(message=error["msg"], **error.get("ctx", {}))
    return f"{name}={excerpt(error['input'])}: {message}" if name else message


def _model_at(model: type[BaseModel], location: Location) -> type[BaseModel]:
    """Return the innermost of the models that are nested at a location in a model."""
    for name in location:
        if field := model.model_fields.get(str(name)):
            model = next(_models(field.annotation), model)
    return model


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    """Yield the models in the annotation of a field: itself, or a part of a union or list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


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
