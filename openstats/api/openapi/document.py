"""The OpenAPI 3.1 document, generated from the route table and its models."""

from typing import Any

from pydantic import BaseModel

from openstats import __version__
from openstats.api.alerts import notifications, receivers
from openstats.api.openapi import registry, texts
from openstats.api.openapi.operations import (
    BODY_ERRORS,
    ERROR,
    HEADERS,
    NOT_MODIFIED,
    READ_ERRORS,
    STATISTIC_ERRORS,
    TEXT,
    WRITE_ERRORS,
    Operation,
    PathItem,
    error_responses,
    if_none_match,
    json_response,
    operation,
    parameter,
)
from openstats.api.openapi.schemas import Schema, answer, components, parameters, reference
from openstats.api.routes import RESOURCES, ROOTS, STATISTICS, Statistic
from openstats.http import receiver_urls
from openstats.http.parameters.query import Query

TOKEN = {
    "type": "apiKey",
    "in": "header",
    "name": "X-Auth-Token",
    "description": "Keystone token. Not needed if the service runs without authentication.",
}
SCHEMES = {
    "token": TOKEN,
    "bearer": {"type": "http", "scheme": "bearer", "description": "Token of the receiver."},
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "The token as the password.",
    },
}
SERVICE = "Service"
RECEIVERS = "Receivers"
NOTIFICATIONS = (notifications.Webhook, notifications.Alarm)
OLDER = (
    f"Same as the URL below {ROOTS[0]}. This URL stays for callers that use it; new callers should "
    f"use {ROOTS[0]}."
)
Content = dict[str, dict[str, Schema]]
"""The content of a response: its schema, by media type."""

LINKS = {
    "type": "array",
    "items": {"type": "object", "properties": {"rel": TEXT, "href": TEXT}},
}


def document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "openstats",
            "version": __version__,
            "summary": "Statistics of OpenStack clouds and their customers.",
            "description": texts.INTRODUCTION,
        },
        "tags": _tags(),
        "security": [{"token": []}, {}],
        "paths": _statistics() | registry.paths() | _receivers() | _pages(),
        "components": {"schemas": _schemas(), "securitySchemes": SCHEMES},
    }


def _tags() -> list[dict[str, str]]:
    """Return the tags with their descriptions, in the order in which pages show them."""
    descriptions = {_tag(statistic): texts.STATISTICS[statistic.name] for statistic in STATISTICS}
    for resource in RESOURCES:
        descriptions[registry.tag(resource)] = texts.RESOURCES[resource.name]
    descriptions |= {RECEIVERS: texts.RECEIVERS, SERVICE: texts.SERVICE}
    return [{"name": name, "description": text} for name, text in descriptions.items()]


def _schemas() -> dict[str, Schema]:
    """Return all schemas that operations refer to, by name."""
    models: list[type[BaseModel]] = [receivers.Receivers, *NOTIFICATIONS]
    for resource in RESOURCES:
        models += [resource.entry, *resource.bodies.values()]
    schemas = {"Error": ERROR} | components(models)
    for statistic in STATISTICS:
        schemas |= answer(statistic.answer)[1]
    return schemas


def _statistics() -> dict[str, PathItem]:
    paths: dict[str, PathItem] = {}
    for root in ROOTS:
        for statistic in STATISTICS:
            paths[f"{root}/{statistic.name}/"] = {"get": _statistic(statistic, root)}
    return paths


def _tag(statistic: Statistic) -> str:
    return f"Statistic: {statistic.name}"


def _statistic(statistic: Statistic, root: str) -> Operation:
    schema, _ = answer(statistic.answer)
    response = json_response("The statistic.", schema, {**HEADERS, **statistic.headers})
    prefix = root.strip("/").replace("/", "-")
    described = operation(
        f"{prefix}-{statistic.name}",
        _tag(statistic),
        statistic.summary,
        parameters=[*parameters(statistic.parameters), if_none_match()],
        responses={"200": response} | NOT_MODIFIED | error_responses(STATISTIC_ERRORS),
    )
    if root != ROOTS[0]:
        # The same statistic under another URL, kept for older callers.
        described |= {"deprecated": True, "description": OLDER}
    return described


def _receivers() -> dict[str, PathItem]:
    """Return the operations on receivers of alerts."""
    return {
        receiver_urls.RECEIVERS: {"get": _list_receivers()},
        f"{receiver_urls.RECEIVERS}{{name}}/": {"post": _receive()},
    }


def _list_receivers() -> Operation:
    response = json_response("The list.", reference(receivers.Receivers.__name__))
    return operation(
        "list-receivers",
        RECEIVERS,
        "List receivers with their counters.",
        parameters=[*parameters(Query), if_none_match()],
        responses={"200": response} | NOT_MODIFIED | error_responses(READ_ERRORS),
    )


def _receive() -> Operation:
    name = {"type": "string", "pattern": "^[^/]+$"}
    schema = {"anyOf": [reference(model.__name__) for model in NOTIFICATIONS]}
    errors = (
        WRITE_ERRORS | BODY_ERRORS | {"401": "The token is not that of a receiver with this name."}
    )
    described = operation(
        "receive",
        RECEIVERS,
        "Receive a notification from Alertmanager or Aodh.",
        parameters=[parameter("path", "name", name, "Name of the receiver.")],
        responses={"204": {"description": "The notification is stored."}} | error_responses(errors),
    )
    content = {"application/json": {"schema": schema}}
    described["requestBody"] = {"required": True, "content": content}
    return described | {"security": [{"bearer": []}, {"basic": []}, {"token": []}]}


def _pages() -> dict[str, PathItem]:
    version = _object(name=TEXT, version=TEXT, links=LINKS)
    html = {"text/html": {"schema": TEXT}}
    operations = {
        "/healthcheck": _page("healthcheck", "Health of the service.", _object(status=TEXT)),
        "/openapi.json": _page(
            "openapi.json", "This document.", _object(openapi=TEXT), has_etag=True
        ),
        "/docs": _page("docs", "This document as a web page.", html, has_etag=True),
        "/": _page("version", "Name and version.", version),
    }
    return {path: {"get": operation} for path, operation in operations.items()}


def _object(**fields: Schema) -> Content:
    schema = {"type": "object", "required": list(fields), "properties": fields}
    return {"application/json": {"schema": schema}}


def _page(
    operation_id: str, summary: str, content: Content, *, has_etag: bool = False
) -> Operation:
    response = {"description": "Success.", "content": content}
    described = operation(
        operation_id,
        SERVICE,
        summary,
        parameters=[if_none_match()] if has_etag else [],
        responses={"200": response} | (NOT_MODIFIED if has_etag else {}),
    )
    return described | {"security": []}
