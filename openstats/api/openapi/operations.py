"""Building blocks for operations of the OpenAPI document: responses, errors, headers."""

from collections.abc import Mapping, Sequence
from typing import Any

from openstats.api.openapi.schemas import Parameter, Schema, reference
from openstats.http.headers import AGE, COVERAGE

Operation = dict[str, Any]
"""What a method of a URL does: its parameters, body and responses."""

PathItem = dict[str, Operation]
"""The operations of a URL, by method."""

DescribedResponse = dict[str, Any]
"""A response of an operation: its description, headers and content."""

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
    COVERAGE: "Number of visible tenants and clouds whose figures are known.",
    AGE: "Age of the oldest figure, in seconds.",
    "ETag": "Hash of the body.",
}
STATISTIC_ERRORS = {
    "400": "Invalid parameter.",
    "401": "Authentication required.",
    "403": "Permission denied.",
    "405": "Method other than GET or HEAD.",
    "503": "Figures not known yet. Ask again after Retry-After seconds.",
}
READ_ERRORS = {
    "400": "Invalid parameter.",
    "401": "Authentication required.",
    "403": "Permission denied.",
    "405": "Method not allowed.",
    "503": "Store unavailable.",
}
NOT_FOUND = {"404": "No such object is visible to the caller."}
WRITE_ERRORS = READ_ERRORS | {
    "400": "Invalid parameter or request body.",
    "409": "Conflict with another entry.",
    "412": "The entry does not match If-Match or If-None-Match.",
}
BODY_ERRORS = {"413": "Request body too large.", "415": "Content-Type is not JSON."}
TEXT = {"type": "string"}
NOT_MODIFIED = {"304": {"description": "Not modified."}}
CONDITIONS = {
    "If-Match": "ETag of the entry, or *. Answers 412 if the entry has another ETag or is missing.",
    "If-None-Match": "* or an ETag. Answers 412 if the entry exists (*) or has this ETag.",
}
IF_NONE_MATCH = "ETag of an earlier answer. Answers 304 without a body if nothing changed."
PRECONDITIONS = {
    "PUT": ("If-Match", "If-None-Match"),
    "PATCH": ("If-Match",),
    "DELETE": ("If-Match",),
}
"""Precondition headers of the methods that write to an entry."""


def operation(
    operation_id: str,
    tag: str,
    summary: str,
    *,
    parameters: Sequence[Parameter],
    responses: Mapping[str, DescribedResponse],
) -> Operation:
    """Return an operation; ``responses`` are by status."""
    return {
        "operationId": operation_id,
        "tags": [tag],
        "summary": summary,
        "parameters": [*parameters],
        "responses": {**responses},
    }


def error_responses(texts: Mapping[str, str]) -> dict[str, DescribedResponse]:
    """Return the responses that are error documents, by status."""
    content = {"application/json": {"schema": reference("Error")}}
    return {status: {"description": text, "content": content} for status, text in texts.items()}


def json_response(
    text: str, schema: Schema, headers: Mapping[str, str] | None = None
) -> DescribedResponse:
    """Return a response that holds a document; ``headers`` maps further names to descriptions."""
    texts = {"ETag": HEADERS["ETag"]} | dict(headers or {})
    described = {}
    for name, header_text in texts.items():
        described[name] = {"description": header_text, "schema": TEXT}
    content = {"application/json": {"schema": schema}}
    return {"description": text, "headers": described, "content": content}


def parameter(location: str, name: str, schema: Schema, text: str) -> Parameter:
    """Return a parameter in the path or a header; those in the path are required."""
    return {
        "name": name,
        "in": location,
        "required": location == "path",
        "schema": schema,
        "description": text,
    }


def if_none_match() -> Parameter:
    """Return the header If-None-Match of reads."""
    return parameter("header", "If-None-Match", TEXT, IF_NONE_MATCH)


def preconditions(method: str) -> list[Parameter]:
    """Return the precondition headers of a method that writes."""
    names = PRECONDITIONS.get(method, ())
    return [parameter("header", name, TEXT, CONDITIONS[name]) for name in names]
