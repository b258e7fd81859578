"""The OpenAPI 3.1 document, made from the route table and the models it names."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, TypeAdapter

from openstats import __version__
from openstats.api.parameters import Query
from openstats.api.resources import Resource
from openstats.api.routes import RESOURCES, ROOTS, STATISTICS, Statistic

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
READING = {
    "400": "A parameter is not acceptable.",
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
WORDS = {
    "GET": ("show", "200", "It."),
    "POST": ("create", "201", "It was created."),
    "PUT": ("replace", "200", "It was replaced."),
    "PATCH": ("change", "200", "It was changed."),
    "DELETE": ("delete", "204", "It was deleted."),
}
UUID = {"type": "string", "format": "uuid"}


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
        "paths": paths | _registry(schemas) | _pages(),
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
        | _failures(FAILURES),
    }


def _parameters(model: type[Query]) -> list[dict[str, Any]]:
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


def _failures(told: Mapping[str, str]) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": REFERENCE.format(model="Error")}}}
    return {status: {"description": text, "content": content} for status, text in told.items()}


def _registry(schemas: dict[str, Any]) -> dict[str, Any]:
    """Describe the resources."""
    paths: dict[str, Any] = {}
    for resource in RESOURCES:
        paths[resource.url] = {"get": _list(resource, schemas)}
        for single, url in ((False, resource.url), (True, f"{resource.url}{{uuid}}/")):
            for method in resource.methods(single=single):
                if method in WORDS and (single or method != "GET"):
                    described = _single(resource, method, schemas)
                    paths.setdefault(url, {})[method.lower()] = described
    return paths


def _list(resource: Resource, schemas: dict[str, Any]) -> dict[str, Any]:
    link = {"type": "object", "properties": {"rel": {"const": "next"}, "href": {"type": "string"}}}
    properties = {
        resource.key: {"type": "array", "items": _component(resource.entry, schemas)},
        "links": {"type": "array", "items": link, "description": "Only where there is more."},
    }
    schema = {"type": "object", "required": [resource.key], "properties": properties}
    return {
        "operationId": f"list-{resource.name}",
        "summary": resource.summary,
        "parameters": _parameters(resource.filters),
        "responses": {"200": _document("The list.", schema)} | UNCHANGED | _failures(READING),
    }


def _single(resource: Resource, method: str, schemas: dict[str, Any]) -> dict[str, Any]:
    """Describe what a method does with one entry."""
    verb, status, text = WORDS[method]
    entry = _document(text, _component(resource.entry, schemas))
    answers = {status: {"description": text} if method == "DELETE" else entry}
    parameters = [] if method == "POST" else [_in("path", "uuid", UUID)]
    failures = dict(READING)
    if method == "GET":
        answers |= UNCHANGED
        parameters += _parameters(Query)
    else:
        failures = WRITING | (BODY if method != "DELETE" else {})
        parameters += [_in("header", "If-Match", {"type": "string"})] * (method != "POST")
    if method == "PUT":
        answers["201"] = entry
    if method in ("GET", "PATCH", "DELETE"):
        failures |= UNKNOWN
    described: dict[str, Any] = {
        "operationId": f"{verb}-{resource.name}",
        "summary": f"{verb.capitalize()} one of: {resource.summary}",
        "parameters": parameters,
        "responses": answers | _failures(failures),
    }
    if method in resource.bodies:
        content = {"application/json": {"schema": _component(resource.bodies[method], schemas)}}
        described["requestBody"] = {"required": True, "content": content}
    return described


UNCHANGED = {"304": {"description": "The caller has it already."}}


def _document(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    etag = {"description": HEADERS["ETag"], "schema": {"type": "string"}}
    content = {"application/json": {"schema": schema}}
    return {"description": text, "headers": {"ETag": etag}, "content": content}


def _in(place: str, name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": place, "required": place == "path", "schema": schema}


def _component(model: type[BaseModel], schemas: dict[str, Any]) -> dict[str, Any]:
    """Put a model among the schemas, and give what refers to it."""
    schema = model.model_json_schema(ref_template=REFERENCE)
    schemas |= {name: _bare(held) for name, held in schema.pop("$defs", {}).items()}
    schemas[model.__name__] = _bare(schema)
    return {"$ref": REFERENCE.format(model=model.__name__)}


def _bare(schema: dict[str, Any]) -> dict[str, Any]:
    """Leave out defaults: of a field that is not given nothing is said."""
    for field in schema.get("properties", {}).values():
        field.pop("default", None)
    return schema


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
