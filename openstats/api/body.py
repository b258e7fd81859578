"""Bodies: a JSON document on its way in, and what is said when it is not acceptable."""

from typing import Any, ClassVar, Self, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from openstats.api.errors import MediaTypeError, TooLargeError
from openstats.api.parameters import sentences
from openstats.errors import BodyError

LARGEST = 2**20
MEDIA_TYPE = "application/json"


class Body(BaseModel):
    """What a body holds, and nothing else; numbers are numbers and texts are texts."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    always: ClassVar[dict[str, Any]] = {}
    """What fields are that are not given; of others nothing is said then."""

    def given(self) -> dict[str, Any]:
        """Give the fields."""
        return self.always | self.model_dump(exclude_unset=True)


class Single(Body):
    """A body that holds exactly one of its fields."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    @model_validator(mode="after")
    def _single(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError(f"it takes exactly one of {', '.join(type(self).model_fields)}")
        return self


B = TypeVar("B", bound=Body)


def read(request: Any, model: type[B]) -> B:
    """Read the body of a request into a model.

    Raises:
        MediaTypeError: it is not said to be JSON.
        TooLargeError: it has more than ``LARGEST`` bytes.
        BodyError: with one sentence for each problem.
    """
    try:
        return model.model_validate(document(request, LARGEST))
    except ValidationError as invalid:
        raise BodyError(*sentences(model, invalid, "field")) from None


def document(request: Any, largest: int) -> dict[str, Any]:
    """Read the body of a request, of at most so many bytes.

    Raises:
        MediaTypeError: it is not said to be JSON.
        TooLargeError: it is larger.
        BodyError: it is no JSON object.
    """
    if request.content_type.lower() != MEDIA_TYPE:
        raise MediaTypeError(f"Content-Type: it takes {MEDIA_TYPE}")
    length = request.content_length or 0
    if length > largest:
        raise TooLargeError(f"it takes at most {largest} bytes")
    return _parsed(request.body_file_raw.read(length))


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BodyError(f"it is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise BodyError("it takes a JSON object")
    return document
