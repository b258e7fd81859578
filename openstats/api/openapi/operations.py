"""What operations of the OpenAPI document have in common: answers, errors, headers."""

from collections.abc import Mapping
from typing import Any

from openstats.api.openapi.schemas import reference

ERROR = {
    "type": "object",
    "required": ["errors"],
    "properties": {
        "errors": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["status", "code", "title", "detail", "request_id"],
                "properties": {
                    "status": {"type": "integer"},
                    "code": {"type": "string"},
                    "title": {"type": "string"},
                    "detail": {"type": "string"},
                    "request_id": {"type": "string"},
                },
            },
        }
    },
}

HEADERS = {
    "X-Openstats-Coverage": "How many of the visible tenants and clouds are known.",
    "X-Openstats-Age": "Age of the oldest figure, in seconds.",
    "ETag": "A hash of the bytes.",
}
FAILURES = {
    "400": "A parameter is not acceptable.",
    "401": "A valid token is needed.",
    "403": "Not allowed.",
    "405": "Another method than GET or HEAD.",
    "503": "Not known yet; ask again after Retry-After seconds.",
}
READING = {
    "400": "A parameter is not acceptable.",
    "401": "A valid token is needed.",
    "403": "Not allowed.",
    "405": "Not a method of this URL.",
    "503": "The store does not answer.",
}
UNKNOWN = {"404": "There is no such object, or none that the caller sees."}
WRITING = READING | {
    "400": "A parameter or the body is not acceptable.",
    "409": "It contradicts what is there.",
    "412": "It is not what If-Match or If-None-Match says.",
}
BODY = {"413": "The body is too large.", "415": "The body is not said to be JSON."}
TEXT = {"type": "string"}
UNCHANGED = {"304": {"description": "The caller has it already."}}
CONDITIONS = {
    "If-Match": "The ETag of before, or *: 412 if there is something else, or nothing.",
    "If-None-Match": "*: 412 if there is anything; or an ETag: 412 if it is still that.",
}
KNOWN = "An ETag: 304 without a body if the answer is still the same."
GUARDS = {"PUT": ("If-Match", "If-None-Match"), "PATCH": ("If-Match",), "DELETE": ("If-Match",)}
"""What guards a method that writes to an entry."""


def failures(texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the answers that are error documents, by status."""
    content = {"application/json": {"schema": reference("Error")}}
    return {status: {"description": text, "content": content} for status, text in texts.items()}


def document_of(
    text: str, schema: dict[str, Any], headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return an answer that holds a document, with headers beside its ETag."""
    texts = {"ETag": HEADERS["ETag"]} | dict(headers or {})
    return {
        "description": text,
        "headers": {name: {"description": of, "schema": TEXT} for name, of in texts.items()},
        "content": {"application/json": {"schema": schema}},
    }


def given_in(place: str, name: str, schema: dict[str, Any], text: str) -> dict[str, Any]:
    """Return a parameter that is not of the query string; those of the path are required."""
    required = place == "path"
    return {"name": name, "in": place, "required": required, "schema": schema, "description": text}


def unless_known() -> dict[str, Any]:
    """Return the header with which a reader says what it has."""
    return given_in("header", "If-None-Match", TEXT, KNOWN)


def guards(method: str) -> list[dict[str, Any]]:
    """Return the headers with which a writer says what it believes to be there."""
    names = GUARDS.get(method, ())
    return [given_in("header", name, TEXT, CONDITIONS[name]) for name in names]
