"""What operations of the OpenAPI document have in common: answers, errors, headers."""

from collections.abc import Mapping, Sequence
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
STATISTIC_ERRORS = {
    "400": "A parameter is not acceptable.",
    "401": "A valid token is needed.",
    "403": "Not allowed.",
    "405": "Another method than GET or HEAD.",
    "503": "Not known yet; ask again after Retry-After seconds.",
}
READ_ERRORS = {
    "400": "A parameter is not acceptable.",
    "401": "A valid token is needed.",
    "403": "Not allowed.",
    "405": "Not a method of this URL.",
    "503": "The store does not answer.",
}
NOT_FOUND = {"404": "There is no such object, or none that the caller sees."}
WRITE_ERRORS = READ_ERRORS | {
    "400": "A parameter or the body is not acceptable.",
    "409": "It contradicts what is there.",
    "412": "It is not what If-Match or If-None-Match says.",
}
BODY_ERRORS = {"413": "The body is too large.", "415": "The body is not said to be JSON."}
TEXT = {"type": "string"}
NOT_MODIFIED = {"304": {"description": "The caller has it already."}}
CONDITIONS = {
    "If-Match": "The ETag of before, or *: 412 if there is something else, or nothing.",
    "If-None-Match": "*: 412 if there is anything; or an ETag: 412 if it is still that.",
}
IF_NONE_MATCH = "An ETag: 304 without a body if the answer is still the same."
PRECONDITIONS = {
    "PUT": ("If-Match", "If-None-Match"),
    "PATCH": ("If-Match",),
    "DELETE": ("If-Match",),
}
"""What guards a method that writes to an entry."""


def operation(
    operation_id: str,
    tag: str,
    summary: str,
    *,
    parameters: Sequence[dict[str, Any]],
    responses: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what a method does at a URL; ``responses`` are by status."""
    return {
        "operationId": operation_id,
        "tags": [tag],
        "summary": summary,
        "parameters": [*parameters],
        "responses": {**responses},
    }


def error_responses(texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the responses that are error documents, by status."""
    content = {"application/json": {"schema": reference("Error")}}
    return {status: {"description": text, "content": content} for status, text in texts.items()}


def json_response(
    text: str, schema: dict[str, Any], headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return a response that holds a document, with headers beside its ETag."""
    texts = {"ETag": HEADERS["ETag"]} | dict(headers or {})
    described = {}
    for name, header_text in texts.items():
        described[name] = {"description": header_text, "schema": TEXT}
    content = {"application/json": {"schema": schema}}
    return {"description": text, "headers": described, "content": content}


def parameter(location: str, name: str, schema: dict[str, Any], text: str) -> dict[str, Any]:
    """Return a parameter that is not of the query string; those of the path are required."""
    return {
        "name": name,
        "in": location,
        "required": location == "path",
        "schema": schema,
        "description": text,
    }


def if_none_match() -> dict[str, Any]:
    """Return the header in which a reader names the bytes that it has."""
    return parameter("header", "If-None-Match", TEXT, IF_NONE_MATCH)


def preconditions(method: str) -> list[dict[str, Any]]:
    """Return the headers in which a writer names what it believes to be there."""
    names = PRECONDITIONS.get(method, ())
    return [parameter("header", name, TEXT, CONDITIONS[name]) for name in names]
