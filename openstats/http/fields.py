"""Types of the fields of query strings and bodies: each validates its value, or converts it."""

import re
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field

from openstats.auth_url import compared
from openstats.errors import ParameterError
from openstats.http.validation import excerpt
from openstats.names import MAX_LENGTH, RULE, problem

INTEGER = re.compile(r"-?[0-9]+")
MAX_DIGITS = 20
"""Maximum number of parsed digits. Longer numbers are out of range anyway, and costly to parse."""


def integer(value: object) -> int:
    """Return the integer that a text spells.

    Raises:
        ValueError: the text is not an integer.
    """
    text = str(value)
    if not INTEGER.fullmatch(text):
        raise ValueError("must be an integer")
    return int(text[:MAX_DIGITS])


def _uuid(value: object) -> str:
    """Return the dashed form of a dashed or 32-hex uuid."""
    text = str(value)
    if not re.fullmatch(
        r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text
    ):
        raise ValueError("must be a UUID: with dashes, or 32 hexadecimal digits")
    return str(UUID(text))


def _auth_url(value: str) -> str:
    try:
        return compared(value)
    except ValueError:
        raise ValueError("must be the http or https URL of a cloud's Keystone") from None


def _name(value: str) -> str:
    if reason := problem(value):
        raise ValueError(f"is not a name ({reason}): {RULE}")
    return value


def _flag(value: object) -> object:
    if value not in ("true", "false", True, False):
        raise ValueError("must be true or false")
    return value


Uuid = Annotated[str, AfterValidator(_uuid), Field(json_schema_extra={"format": "uuid"})]
AuthUrl = Annotated[str, AfterValidator(_auth_url), Field(json_schema_extra={"format": "uri"})]
Name = Annotated[str, Field(min_length=1, max_length=MAX_LENGTH), AfterValidator(_name)]
Flag = Annotated[bool, BeforeValidator(_flag)]
AsInteger = BeforeValidator(integer)
"""Comes after the bounds of a number in Annotated, so that they appear in its JSON schema."""


def dashed_uuid(text: str) -> str:
    """Return the dashed form of a uuid in a path.

    Raises:
        ParameterError: the text is not a uuid.
    """
    try:
        return _uuid(text)
    except ValueError as error:
        raise ParameterError(f"uuid={excerpt(text)}: {error}") from None
