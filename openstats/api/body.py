"""Bodies: a JSON document on its way in, and what is said when it is not acceptable."""

from typing import Any, ClassVar, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

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


B = TypeVar("B", bound=Body)


def read(request: Any, model: type[B]) -> B:
    """Read the body of a request.

    Raises:
        MediaTypeError: it is not said to be JSON.
        TooLargeError: it has more than ``LARGEST`` bytes.
        BodyError: with one sentence for each problem.
    """
    if request.content_type != MEDIA_TYPE:
        raise MediaTypeError(f"Content-Type: it takes {MEDIA_TYPE}")
    length = request.content_length or 0
    if length > LARGEST:
        raise TooLargeError(f"it takes at most {LARGEST} bytes")
    document = _parsed(request.body_file_raw.read(length))
    try:
        return model.model_validate(document)
    except ValidationError as invalid:
        raise BodyError(*sentences(model, invalid, "field")) from None


def _parsed(body: bytes) -> Any:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BodyError(f"it is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise BodyError("it takes a JSON object")
    return document
