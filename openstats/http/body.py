"""Bodies of requests: JSON becomes a document or a model; what is wrong becomes sentences."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from openstats.errors import BodyError
from openstats.http.errors import MediaTypeError, TooLargeError
from openstats.http.request import Request
from openstats.http.validation import sentences

LARGEST = 2**20
MEDIA_TYPE = "application/json"


class Body(BaseModel):
    """What a body holds, and nothing else; numbers are numbers and texts are texts."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    defaults: ClassVar[dict[str, Any]] = {}
    """What fields are that are not given; of others nothing is said then."""

    def field_values(self) -> dict[str, Any]:
        """Return the fields, with defaults for some that are not given."""
        return self.defaults | self.model_dump(exclude_unset=True)


class OneFieldBody(Body):
    """A body that holds exactly one of its fields."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    @model_validator(mode="after")
    def _check_number(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError(f"must have exactly one of {', '.join(type(self).model_fields)}")
        return self


B = TypeVar("B", bound=Body)


def read(request: Request, model: type[B]) -> B:
    """Read the body of a request into a model.

    Raises:
        MediaTypeError: it is not said to be JSON.
        TooLargeError: it has more than ``LARGEST`` bytes.
        BodyError: with one sentence for each problem.
    """
    try:
        return model.model_validate(document(request, LIMITS))
    except ValidationError as invalid:
        raise BodyError(*sentences(model, invalid, "field")) from None


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """What a body may hold: bytes, objects and lists in all, and these inside one another."""

    size: int
    objects: int
    nesting: int


LIMITS = BodyLimits(LARGEST, LARGEST, 100)


def document(request: Request, limits: BodyLimits) -> dict[str, Any]:
    """Read the body of a request.

    Raises:
        MediaTypeError: it is not said to be JSON.
        TooLargeError: it holds more than the limits.
        BodyError: it is no JSON object.
    """
    if request.content_type.lower() != MEDIA_TYPE:
        raise MediaTypeError(f"Content-Type: must be {MEDIA_TYPE}")
    length = request.content_length or 0
    if length > limits.size:
        raise TooLargeError(f"the body must have at most {limits.size} bytes")
    return _parse(request.body_file_raw.read(length), limits)


def _parse(body: bytes, limits: BodyLimits) -> dict[str, Any]:
    # Counted before it is parsed: a bracket becomes an object of fifty bytes and more.
    number = body.count(b"{") + body.count(b"[")
    if number > limits.objects:
        raise TooLargeError(
            f"the body has {number} objects and lists; must have at most {limits.objects}"
        )
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BodyError(f"the body is not valid JSON: {error}") from None
    if not isinstance(document, dict):
        raise BodyError("the body must be a JSON object")
    if _is_deeper(document, limits.nesting):
        raise TooLargeError(f"the body must nest no deeper than {limits.nesting} levels")
    return document


def _is_deeper(document: Any, nesting: int) -> bool:
    """Return whether objects and lists are inside one another more often than ``nesting`` times."""
    level = [document]
    for _ in range(nesting):
        children: list[Any] = []
        for parent in level:
            children += parent.values() if isinstance(parent, dict) else parent
        level = [child for child in children if isinstance(child, dict | list)]
        if not level:
            return False
    return True
