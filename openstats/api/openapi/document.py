"""The OpenAPI 3.1 document, made from the route table and the models it names."""

from typing import Any

from openstats import __version__
from openstats.api.alerts import notifications, receivers
from openstats.api.openapi import texts as introduction
from openstats.api.openapi.operations import (
    BODY,
    ERROR,
    FAILURES,
    HEADERS,
    READING,
    TEXT,
    UNCHANGED,
    UNKNOWN,
    WRITING,
    document_of,
    failures,
    given_in,
    guards,
    unless_known,
)
from openstats.api.openapi.schemas import answer, component, parameters
from openstats.api.registry.views import Resource
from openstats.api.routes import RESOURCES, ROOTS, STATISTICS, Statistic
from openstats.http import pagination, receiver_urls
from openstats.http.parameters import Query

TOKEN = {
    "type": "apiKey",
    "in": "header",
    "name": "X-Auth-Token",
    "description": "A token of Keystone; where the service runs without authentication, none.",
}
SCHEMES = {
    "token": TOKEN,
    "bearer": {"type": "http", "scheme": "bearer", "description": "A receiver's token."},
    "basic": {"type": "http", "scheme": "basic", "description": "Likewise, as the password."},
}
SERVICE = "Service"
RECEIVERS = "Receivers"
WORDS = {
    "GET": ("show", "200", "It."),
    "POST": ("create", "201", "It was created."),
    "PUT": ("replace", "200", "It was replaced."),
    "PATCH": ("change", "200", "It was changed."),
    "DELETE": ("delete", "204", "It was deleted."),
}
UUID = {"type": "string", "format": "uuid"}
OLDER = (
    f"The same as below {ROOTS[0]}, for callers that know it by this URL. It stays; new callers "
    f"take {ROOTS[0]}, below which everything else is as well."
)
LINKS = {
    "type": "array",
    "items": {"type": "object", "properties": {"rel": TEXT, "href": TEXT}},
}


def document() -> dict[str, Any]:
    """Give the whole document."""
    schemas: dict[str, Any] = {"Error": ERROR}
    paths = {
        f"{root}/{statistic.name}/": {"get": _operation(statistic, root, schemas)}
        for root in ROOTS
        for statistic in STATISTICS
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "openstats",
            "version": __version__,
            "summary": "Statistics of OpenStack clouds and their customers.",
            "description": introduction.INTRODUCTION,
        },
        "tags": _tags(),
        "security": [{"token": []}, {}],
        "paths": paths | _registry(schemas) | _receivers(schemas) | _pages(),
        "components": {"schemas": schemas, "securitySchemes": SCHEMES},
    }


def _tags() -> list[dict[str, str]]:
    """Describe the parts, in the order in which they are shown."""
    texts = {_statistic_tag(s): introduction.STATISTICS[s.name] for s in STATISTICS}
    texts |= {_resource_tag(r): introduction.RESOURCES[r.name] for r in RESOURCES}
    texts[RECEIVERS] = introduction.RECEIVERS
    texts[SERVICE] = introduction.SERVICE
    return [{"name": name, "description": text} for name, text in texts.items()]


def _statistic_tag(statistic: Statistic) -> str:
    return f"Statistic: {statistic.name}"


def _resource_tag(resource: Resource) -> str:
    return resource.name.replace("-", " ").capitalize()


def _operation(statistic: Statistic, root: str, schemas: dict[str, Any]) -> dict[str, Any]:
    schema = answer(statistic.answer, schemas)
    ok = document_of("The statistic.", schema, {**HEADERS, **statistic.headers})
    described = {
        "operationId": f"{root.strip('/').replace('/', '-')}-{statistic.name}",
        "tags": [_statistic_tag(statistic)],
        "summary": statistic.summary,
        "parameters": [*parameters(statistic.parameters), unless_known()],
        "responses": {"200": ok} | UNCHANGED | failures(FAILURES),
    }
    # One and the same under another URL, which the specification spells for two of them.
    return described if root == ROOTS[0] else described | {"deprecated": True, "description": OLDER}


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
        for action in resource.actions:
            url = f"{resource.url}{{uuid}}/{action}/"
            paths[url] = {"post": _action(resource, action, schemas)}
    return paths


def _list(resource: Resource, schemas: dict[str, Any]) -> dict[str, Any]:
    link = {"type": "object", "properties": {"rel": {"const": "next"}, "href": {"type": "string"}}}
    properties = {
        resource.key: {"type": "array", "items": component(resource.entry, schemas)},
        "links": {"type": "array", "items": link, "description": "Only where there is more."},
    }
    schema = {"type": "object", "required": [resource.key], "properties": properties}
    listed = document_of("The list.", schema, pagination.HEADERS)
    return {
        "operationId": f"list-{resource.name}",
        "tags": [_resource_tag(resource)],
        "summary": f"List {resource.name.replace('-', ' ')}.",
        "parameters": [*parameters(resource.filters), unless_known()],
        "responses": {"200": listed} | UNCHANGED | failures(READING),
    }


def _single(resource: Resource, method: str, schemas: dict[str, Any]) -> dict[str, Any]:
    """Describe what a method does with one entry."""
    verb, status, text = WORDS[method]
    entry = document_of(text, component(resource.entry, schemas))
    answers = {status: {"description": text} if method == "DELETE" else entry}
    given = (
        [] if method == "POST" else [given_in("path", "uuid", UUID, f"Which {_kind(resource)}.")]
    )
    refusals = dict(READING)
    if method == "GET":
        answers |= UNCHANGED
        given += [*parameters(resource.reading), unless_known()]
    else:
        refusals = WRITING | (BODY if method != "DELETE" else {})
        given += guards(method)
    if method == "PUT" or (method == "POST" and resource.find):
        answers |= {"200": entry, "201": entry}
    if method in ("GET", "PATCH", "DELETE"):
        refusals |= UNKNOWN
    described: dict[str, Any] = {
        "operationId": f"{verb}-{resource.name}",
        "tags": [_resource_tag(resource)],
        "summary": f"{verb.capitalize()} {_one(resource)}.",
        "parameters": given,
        "responses": answers | failures(refusals),
    }
    if method in resource.bodies:
        content = {"application/json": {"schema": component(resource.bodies[method], schemas)}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _action(resource: Resource, action: str, schemas: dict[str, Any]) -> dict[str, Any]:
    entry = document_of("It was done.", component(resource.entry, schemas))
    given = [given_in("path", "uuid", UUID, f"Which {_kind(resource)}.")]
    return {
        "operationId": f"{action}-{resource.name}",
        "tags": [_resource_tag(resource)],
        "summary": f"{action.capitalize()} {_one(resource)}.",
        "parameters": [*given, *guards("PATCH")],
        "responses": {"200": entry}
        | failures(WRITING | UNKNOWN | {"409": "It was done before.", "415": BODY["415"]}),
    }


def _receivers(schemas: dict[str, Any]) -> dict[str, Any]:
    """Describe where alerts are received."""
    listed = document_of("The list.", component(receivers.Receivers, schemas))
    described = {
        "operationId": "list-receivers",
        "tags": [RECEIVERS],
        "summary": "List receivers, with what came in at each.",
        "parameters": [*parameters(Query), unless_known()],
        "responses": {"200": listed} | UNCHANGED | failures(READING),
    }
    names = {"type": "string", "pattern": "^[^/]+$"}
    sent = [component(model, schemas) for model in (notifications.Webhook, notifications.Alarm)]
    told = {
        "operationId": "receive",
        "tags": [RECEIVERS],
        "summary": "Tell of alerts, as Alertmanager and Aodh do.",
        "security": [{"bearer": []}, {"basic": []}, {"token": []}],
        "parameters": [given_in("path", "name", names, "Which receiver.")],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"anyOf": sent}}},
        },
        "responses": {"204": {"description": "It is stored."}}
        | failures(WRITING | BODY | {"401": "The token is no receiver's of this name."}),
    }
    return {
        receiver_urls.RECEIVERS: {"get": described},
        f"{receiver_urls.RECEIVERS}{{name}}/": {"post": told},
    }


def _one(resource: Resource) -> str:
    kind = _kind(resource)
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _kind(resource: Resource) -> str:
    return resource.kind.replace("_", " ")


def _pages() -> dict[str, Any]:
    pages = {
        "/healthcheck": ("Whether the service can answer.", _fields(status=TEXT)),
        "/openapi.json": ("This document.", _fields(openapi=TEXT)),
        "/docs": ("This document as a page.", {"text/html": {"schema": TEXT}}),
        "/": ("Name and version.", _fields(name=TEXT, version=TEXT, links=LINKS)),
    }
    return {path: {"get": _page(path, *told)} for path, told in pages.items()}


def _fields(**fields: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "required": list(fields), "properties": fields}
    return {"application/json": {"schema": schema}}


def _page(path: str, summary: str, content: dict[str, Any]) -> dict[str, Any]:
    tagged = path in ("/openapi.json", "/docs")
    ok = {"200": {"description": "It can be answered.", "content": content}}
    return {
        "operationId": path.strip("/") or "version",
        "tags": [SERVICE],
        "summary": summary,
        "security": [],
        "parameters": [unless_known()] if tagged else [],
        "responses": ok | (UNCHANGED if tagged else {}),
    }
