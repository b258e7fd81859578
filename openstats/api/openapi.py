"""The OpenAPI 3.1 document, made from the route table and the models it names."""

from typing import Any

from pydantic import TypeAdapter

from openstats import __version__
from openstats.api.parameters import Parameters
from openstats.api.routes import ROOTS, STATISTICS, Statistic

REFERENCE = "#/components/schemas/{model}"

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
    "403": "Not allowed.",
    "405": "Another method than GET or HEAD.",
    "503": "Not known yet; ask again after Retry-After seconds.",
}


def document() -> dict[str, Any]:
    """Give the whole document."""
    schemas: dict[str, Any] = {"Error": ERROR}
    paths = {
        f"{root}/{statistic.name}/": {"get": _operation(statistic, root, schemas)}
        for statistic in STATISTICS
        for root in ROOTS
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "openstats",
            "version": __version__,
            "description": "Statistics of OpenStack clouds and their customers.",
        },
        "paths": paths | _pages(),
        "components": {"schemas": schemas},
    }


def _operation(statistic: Statistic, root: str, schemas: dict[str, Any]) -> dict[str, Any]:
    schema = TypeAdapter(statistic.answer).json_schema(ref_template=REFERENCE)
    schemas |= schema.pop("$defs", {})
    ok = {
        "description": "The statistic.",
        "headers": {
            name: {"description": text, "schema": {"type": "string"}}
            for name, text in {**HEADERS, **statistic.headers}.items()
        },
        "content": {"application/json": {"schema": schema}},
    }
    return {
        "operationId": f"{root.strip('/').replace('/', '-')}-{statistic.name}",
        "summary": statistic.summary,
        "parameters": _parameters(statistic.parameters),
        "responses": {"200": ok, "304": {"description": "The caller has it already."}}
        | _failures(),
    }


def _parameters(model: type[Parameters]) -> list[dict[str, Any]]:
    schema = model.model_json_schema(mode="validation")
    required = schema.get("required", [])
    return [
        _parameter(name, given, name in required) for name, given in schema["properties"].items()
    ]


def _parameter(name: str, schema: dict[str, Any], required: bool) -> dict[str, Any]:
    told = {"description": schema["description"]} if "description" in schema else {}
    schema = {
        key: value for key, value in schema.items() if key not in ("title", "description")
    } | ({"default": schema["default"]} if schema.get("default") else {})
    if schema.get("default", 0) is None:
        del schema["default"]
    # A parameter that is not given has no null to give instead.
    kinds = [kind for kind in schema.pop("anyOf", []) if kind != {"type": "null"}]
    schema |= kinds[0] if len(kinds) == 1 else {"anyOf": kinds} if kinds else {}
    return {"name": name, "in": "query", "required": required, "schema": schema} | told


def _failures() -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": REFERENCE.format(model="Error")}}}
    return {status: {"description": text, "content": content} for status, text in FAILURES.items()}


def _pages() -> dict[str, Any]:
    pages = {
        "/healthcheck": "Whether the service can answer.",
        "/openapi.json": "This document.",
        "/": "Name and version.",
    }
    content = {"application/json": {"schema": {"type": "object"}}}
    answer = {"200": {"description": "It can be answered.", "content": content}}
    return {
        path: {
            "get": {
                "operationId": path.strip("/") or "version",
                "summary": text,
                "responses": answer,
            }
        }
        for path, text in pages.items()
    }
