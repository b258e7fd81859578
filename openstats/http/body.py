"""Request bodies: parses JSON into a document or a model, within limits of size and nesting."""

from dataclasses import dataclass
from typing import Any, Self, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from openstats.errors import BodyError
from openstats.http.errors import LengthRequiredError, MediaTypeError, TooLargeError
from openstats.http.request import Request
from openstats.http.validation import NOT_OBJECT, excerpt, sentences

MAX_BYTES = 2**20
"""Maximum size of a body, except those of receivers."""

MEDIA_TYPE = "application/json"


class Body(BaseModel):
    """Base of all body models: unknown fields are refused, and types are not converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class OneFieldBody(Body):
    """A body with exactly one of its fields."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    @model_validator(mode="after")
    def _check_number(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError(f"must have exactly one of {', '.join(type(self).model_fields)}")
        return self

    def only_field(self) -> tuple[str, Any]:
        """Return the name and the value of the field that the body has."""
        (name,) = self.model_fields_set
        return name, getattr(self, name)


B = TypeVar("B", bound=Body)


def read(request: Request, model: type[B]) -> B:
    """Return the body of a request as a model.

    Raises:
        MediaTypeError: Content-Type is not JSON.
        TooLargeError: the body has more than ``MAX_BYTES`` bytes.
        BodyError: the body is invalid; there is one sentence for each problem.
    """
    try:
        return model.model_validate(document(request, LIMITS))
    except ValidationError as invalid:
        raise BodyError(*sentences(model, invalid, "field")) from None


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """Limits of a body: bytes, total number of objects and lists, and levels of nesting."""

    size: int
    objects: int
    nesting: int


LIMITS = BodyLimits(size=MAX_BYTES, objects=MAX_BYTES, nesting=100)


def document(request: Request, limits: BodyLimits) -> dict[str, object]:
    """Return the body of a request as a JSON object.

    Raises:
        MediaTypeError: Content-Type is not JSON.
        TooLargeError: the body exceeds one of the limits.
        BodyError: the body is not a JSON object.
    """
    if request.content_type.lower() != MEDIA_TYPE:
        raise MediaTypeError(f"Content-Type={excerpt(request.content_type)}: must be {MEDIA_TYPE}")
    return _parse(_read(request, limits.size), limits)


def _read(request: Request, limit: int) -> bytes:
    length = request.content_length
    if length is None:
        length = _length_of_chunks(request, limit)
    elif length > limit:
        raise TooLargeError(f"the body has {length} bytes; must have at most {limit}")
    body: bytes = request.body_file_raw.read(length)
    if len(body) > limit:
        raise TooLargeError(f"the body must have at most {limit} bytes")
    return body


def _length_of_chunks(request: Request, limit: int) -> int:
    """Return how much to read of a body in chunks; 0 if there is no body.

    Raises:
        LengthRequiredError: the WSGI server does not decode chunks.
    """
    if request.environ.get("wsgi.input_terminated"):
        return limit + 1
    if "HTTP_TRANSFER_ENCODING" in request.environ:
        raise LengthRequiredError(
            "Content-Length: required header is missing; send the body without chunks"
        )
    return 0


def _parse(body: bytes, limits: BodyLimits) -> dict[str, object]:
    # Count before parsing: each bracket becomes a Python object of more than fifty bytes.
    number = body.count(b"{") + body.count(b"[")
    if number > limits.objects:
        raise TooLargeError(
            f"the body has {number} objects and lists; must have at most {limits.objects}"
        )
    if not body:
        raise BodyError(f"the body is empty; it {NOT_OBJECT}")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BodyError(f"the body is not valid JSON: {error}") from None
    if not isinstance(document, dict):
        raise BodyError(f"body={excerpt(document)}: {NOT_OBJECT}")
    if _is_deeper(document, limits.nesting):
        raise TooLargeError(f"the body must not nest deeper than {limits.nesting} levels")
    return document


def _is_deeper(document: dict[str, object], nesting: int) -> bool:
    """Return whether objects and lists nest deeper than ``nesting`` levels."""
    level: list[dict[str, object] | list[object]] = [document]
    for _ in range(nesting):
        children: list[object] = []
        for parent in level:
            children += parent.values() if isinstance(parent, dict) else parent
        level = [child for child in children if isinstance(child, dict | list)]
        if not level:
            return False
    return True
