"""What all services of the double have in common: requests, replies, tokens, microversions.

`answer` takes a request to its service's handler. Sockets live in `server.py`, resources in the
services' own modules.
"""

import re
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.double.state import State

FAULTS = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    409: "conflictingRequest",
    503: "serviceUnavailable",
}
Version = tuple[int, int]


class ServiceError(Exception):
    """An answer that is an error, in the words of the service."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass
class Token:
    """An issued token: what it is good for, until when (Unix seconds), and what is told of it."""

    expires: float
    project_id: str | None = None
    domain_id: str | None = None
    content: dict[str, Any] = field(default_factory=dict)
    is_admin: bool = True


@dataclass
class Settings:
    """What an operator of the cloud would have configured."""

    username: str = "admin"
    # Whoever signs in by this name, with the same password, has the role member only.
    member: str = "member"
    password: str = "double-secret"
    region: str = "RegionOne"
    token_lifetime: float = 3600.0
    max_limit: int = 1000
    # Keystone's, from 2025.1 on: its pages, and where it cuts without them.
    identity_pages: bool = True
    max_db_limit: int = 1000
    list_limit: int | None = None
    compute_max: Version = (2, 96)
    volume_max: Version = (3, 70)
    placement_max: Version = (1, 39)
    # Whether Cinder's policy has its rule context_is_admin.
    volume_admin: bool = True
    volume_catalog: tuple[str, ...] = ("block-storage",)
    volume_project_in_url: bool = True
    # Seconds by which the dates of answers are ahead of this machine's clock.
    clock_ahead: float = 0.0


class Endpoint(NamedTuple):
    """One line of the catalog; `%(project_id)s` in the URL is filled in."""

    type: str
    name: str
    region: str
    url: str


@dataclass
class Site:
    """A cloud as its services see it. `url` is the root of all their prefixes.

    `denied` are rules of Keystone's policy, without `identity:`, that say no to everybody.
    """

    state: State
    settings: Settings
    clock: Callable[[], float]
    lock: threading.RLock
    url: str = ""
    tokens: dict[str, Token] = field(default_factory=dict)
    catalog: list[Endpoint] = field(default_factory=list)
    handed: dict[str, Any] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)


@dataclass
class Request:
    """A request within a service: `path` and `url` without and with its prefix."""

    method: str
    path: str
    url: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""
    version: Version = (0, 0)
    token: Token | None = None
    id: str = field(default_factory=lambda: f"req-{uuid.uuid4()}")


@dataclass
class Reply:
    """An answer; `document` becomes JSON."""

    document: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[..., Reply]


class Route(NamedTuple):
    """A handler (site, request, *groups) for a path; `open` ones need no token."""

    pattern: re.Pattern[str]
    handler: Handler
    open: bool = False
    method: str = "GET"


class Microversions(NamedTuple):
    """How a service negotiates: its header's service type, its lowest, its highest version."""

    service: str
    lowest: Version
    highest: Callable[[Settings], Version]
    legacy_header: str | None = None


class Api(NamedTuple):
    """A service: where it hangs, what it answers, how it words an error."""

    prefix: str
    routes: tuple[Route, ...]
    fault: Callable[[Site, Request, ServiceError], dict[str, Any]]
    microversions: Microversions | None = None


def route(path: str, handler: Handler, open: bool = False, method: str = "GET") -> Route:
    """Make a route; `{}` in the path stands for one segment."""
    segment = path.replace("{}", "([^/]+)")
    return Route(re.compile(segment + "/?$"), handler, open, method)


def dotted(version: Version) -> str:
    """Write a version as text."""
    return f"{version[0]}.{version[1]}"


def answer(site: Site, api: Api, request: Request) -> Reply:
    """Answer a request, errors included, with the headers that every reply has."""
    try:
        reply = _dispatch(site, api, request)
    except ServiceError as problem:
        reply = Reply(api.fault(site, request, problem), problem.status)
        if problem.status == 401:
            reply = unauthorized(site)
    reply.headers["x-openstack-request-id"] = request.id
    if api.microversions and request.version != (0, 0):
        told = f"{api.microversions.service} {dotted(request.version)}"
        reply.headers |= {"OpenStack-API-Version": told, "Vary": "OpenStack-API-Version"}
        if legacy := api.microversions.legacy_header:
            reply.headers[legacy] = dotted(request.version)
    return reply


def fault(_: Site, __: Request, problem: ServiceError) -> dict[str, Any]:
    """Word an error as Nova and Cinder do."""
    name = FAULTS.get(problem.status, "computeFault")
    return {name: {"code": problem.status, "message": problem.message}}


def unauthorized(site: Site) -> Reply:
    """Answer as keystonemiddleware and Keystone do without a good token."""
    message = "The request you have made requires authentication."
    document = {"error": {"code": 401, "message": message, "title": "Unauthorized"}}
    challenge = {"WWW-Authenticate": f'Keystone uri="{site.url}/identity"'}
    return Reply(document, 401, challenge)


def _dispatch(site: Site, api: Api, request: Request) -> Reply:
    chosen, found = _routed(api, request)
    if chosen is None or not chosen.open:
        # The token is looked at first, whatever the path.
        request.token = _checked(site, request)
    if chosen is None or found is None:
        raise ServiceError(404, "The resource could not be found.")
    if api.microversions:
        request.version = _negotiated(site, api.microversions, request)
    if request.token and not request.token.is_admin and _needs_admin(api, request):
        raise ServiceError(403, "Policy doesn't allow it to be performed.")
    with site.lock:
        return chosen.handler(site, request, *found.groups())


def _needs_admin(api: Api, request: Request) -> bool:
    """Return whether a member may not do this; Cinder leaves others' things out instead."""
    if api.prefix == "compute":
        return "os-" in request.path or "all_tenants" in request.query
    return api.prefix == "placement" or request.path.startswith(("/v3/projects", "/v3/domains"))


def _routed(api: Api, request: Request) -> tuple[Route | None, re.Match[str] | None]:
    for each in api.routes:
        found = each.pattern.fullmatch(request.path)
        if found and each.method == request.method:
            return each, found
    return None, None


def _checked(site: Site, request: Request) -> Token:
    token = site.tokens.get(request.headers.get("X-Auth-Token", ""))
    if token is None or token.expires <= site.clock():
        raise ServiceError(401, "The request you have made requires authentication.")
    return token


def _negotiated(site: Site, rules: Microversions, request: Request) -> Version:
    lowest, highest = rules.lowest, rules.highest(site.settings)
    asked = _asked(rules, request)
    if asked is None:
        return lowest
    if asked == "latest":
        return highest
    if not re.fullmatch(r"\d+\.\d+", asked):
        message = f"API Version String {asked} is of invalid format. Must be of format MajorNum."
        raise ServiceError(400, message + "MinorNum.")
    major, minor = asked.split(".")
    version = int(major), int(minor)
    if not lowest <= version <= highest:
        raise ServiceError(
            406,
            f"Version {asked} is not supported by the API. Minimum is {dotted(lowest)} and "
            f"maximum is {dotted(highest)}.",
        )
    return version


def _asked(rules: Microversions, request: Request) -> str | None:
    for each in request.headers.get("OpenStack-API-Version", "").split(","):
        service, _, version = each.strip().partition(" ")
        if service == rules.service:
            return version.strip()
    return request.headers.get(rules.legacy_header) if rules.legacy_header else None
