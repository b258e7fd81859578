"""The registry in the OpenAPI document, generated from the resources of the route table."""

from collections.abc import Mapping
from typing import Any

from openstats.api.openapi.operations import (
    BODY_ERRORS,
    NOT_FOUND,
    NOT_MODIFIED,
    READ_ERRORS,
    WRITE_ERRORS,
    DescribedResponse,
    Operation,
    PathItem,
    error_responses,
    if_none_match,
    json_response,
    operation,
    parameter,
    preconditions,
)
from openstats.api.openapi.schemas import Parameter, parameters, reference
from openstats.api.registry.resources import Resource
from openstats.api.routes import RESOURCES
from openstats.http.parameters import pagination
from openstats.names import noun

OPERATIONS = {
    "GET": ("show", "200", "The entry."),
    "POST": ("create", "201", "The entry was created."),
    "PUT": ("replace", "200", "The entry was replaced."),
    "PATCH": ("change", "200", "The entry was changed."),
    "DELETE": ("delete", "204", "The entry was deleted."),
}
"""By method: the verb, and status and description of a success."""

ERRORS: Mapping[str, Mapping[str, str]] = {
    "GET": READ_ERRORS | NOT_FOUND,
    "POST": WRITE_ERRORS | BODY_ERRORS,
    "PUT": WRITE_ERRORS | BODY_ERRORS,
    "PATCH": WRITE_ERRORS | BODY_ERRORS | NOT_FOUND,
    "DELETE": WRITE_ERRORS | NOT_FOUND,
}
ACTION_ERRORS = (
    WRITE_ERRORS | NOT_FOUND | {"409": "The action was already done.", "415": BODY_ERRORS["415"]}
)
UUID = {"type": "string", "format": "uuid"}
LINK = {
    "type": "object",
    "properties": {"rel": {"const": "next"}, "href": {"type": "string"}},
}


def paths() -> dict[str, PathItem]:
    """Return the operations of all resources, by URL and method."""
    described: dict[str, PathItem] = {}
    for resource in RESOURCES:
        described[resource.url] = {"get": _list(resource)}
        if "POST" in resource.bodies:
            described[resource.url]["post"] = _operation(resource, "POST")
        methods = [m for m in resource.methods[resource.entry_url] if m in OPERATIONS]
        described[resource.entry_url] = {m.lower(): _operation(resource, m) for m in methods}
        for action in resource.actions:
            described[resource.action_url(action)] = {"post": _action(resource, action)}
    return described


def tag(resource: Resource) -> str:
    """Return the tag of a resource."""
    return resource.name.replace("-", " ").capitalize()


def _list(resource: Resource) -> Operation:
    entries = {"type": "array", "items": reference(resource.entry.__name__)}
    links = {"type": "array", "items": LINK, "description": "Absent on the last page."}
    schema = {
        "type": "object",
        "required": [resource.key],
        "properties": {resource.key: entries, "links": links},
    }
    response = json_response("The list.", schema, pagination.HEADERS)
    return operation(
        f"list-{resource.name}",
        tag(resource),
        f"List {resource.name.replace('-', ' ')}.",
        parameters=[*parameters(resource.filters), if_none_match()],
        responses={"200": response} | NOT_MODIFIED | error_responses(READ_ERRORS),
    )


def _operation(resource: Resource, method: str) -> Operation:
    """Return the operation of a method on one entry; POST creates it."""
    described = _named(
        OPERATIONS[method][0],
        resource,
        parameters=_parameters(resource, method),
        responses=_successes(resource, method) | error_responses(ERRORS[method]),
    )
    if method in resource.bodies:
        schema = reference(resource.bodies[method].__name__)
        content = {"application/json": {"schema": schema}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _named(verb: str, resource: Resource, **details: Any) -> Operation:
    """Return an operation on one entry, with an id and a summary made from its verb."""
    kind = _kind(resource)
    article = "an" if kind[0] in "aeiou" else "a"
    summary = f"{verb.capitalize()} {article} {kind}."
    return operation(f"{verb}-{resource.name}", tag(resource), summary, **details)


def _parameters(resource: Resource, method: str) -> list[Parameter]:
    if method == "POST":
        return []
    if method == "GET":
        return [_uuid(resource), *parameters(resource.entry_query), if_none_match()]
    return [_uuid(resource), *preconditions(method)]


def _uuid(resource: Resource) -> Parameter:
    return parameter("path", "uuid", UUID, f"UUID of the {_kind(resource)}.")


def _successes(resource: Resource, method: str) -> dict[str, DescribedResponse]:
    _, status, text = OPERATIONS[method]
    if method == "DELETE":
        return {status: {"description": text}}
    response = json_response(text, reference(resource.entry.__name__))
    if method == "GET":
        return {status: response} | NOT_MODIFIED
    if method == "PUT" or (method == "POST" and resource.writer.updates_on_post):
        return {"200": response, "201": response}
    return {status: response}


def _action(resource: Resource, action: str) -> Operation:
    """Return the operation of an action on one entry."""
    response = json_response("The entry after the action.", reference(resource.entry.__name__))
    return _named(
        action,
        resource,
        parameters=[_uuid(resource), *preconditions("PATCH")],
        responses={"200": response} | error_responses(ACTION_ERRORS),
    )


def _kind(resource: Resource) -> str:
    return noun(resource.kind)
